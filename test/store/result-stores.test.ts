import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { folderStore } from "../../src/store/folders.js";
import { browserStore, memoryStore } from "../../src/store/index.js";
import { describeStore } from "./result-store-suite.js";

describeStore("a folder", async () => {
  const folder = await mkdtemp(join(tmpdir(), "transformers-prune-store-"));
  return { store: folderStore(join(folder, "cache")), remove: () => rm(folder, { recursive: true }) };
});

describeStore("memory", async () => ({ store: memoryStore(), remove: async () => {} }));

it("a store of a browser is not there where there are no caches, and says why", async () => {
  expect(await browserStore("any")).toMatch(/not cached: .*secure context/);
});
