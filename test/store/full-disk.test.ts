import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FolderDraft } from "../../src/store/folders.js";
import { disk, emptyDisk } from "../helpers/full-disk.js";

vi.mock("node:fs/promises", async (importOriginal) =>
  (await import("../helpers/full-disk.js")).fullDisk(importOriginal),
);

let folder: string;
let target: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "transformers-prune-"));
  target = join(folder, "model");
});
afterEach(async () => {
  emptyDisk();
  await rm(folder, { recursive: true, force: true });
});

async function writeDraft(): Promise<void> {
  const draft = await FolderDraft.create(target);
  try {
    const sink = draft.sink("onnx");
    for (let i = 0; i < 4; i++) await sink.write("model.onnx", new Uint8Array(1000));
    await draft.write("config.json", "{}");
    await draft.commit();
  } finally {
    await draft.discard();
  }
}

describe("a full disk", () => {
  it.each([0, 2500, 4001])("after %i bytes is a storage error with a remedy, and leaves nothing", async (free) => {
    disk.free = free;
    await expect(writeDraft()).rejects.toMatchObject({
      name: "PruneError",
      code: "storage",
      message: expect.stringMatching(/cannot write .*: the disk is full: free some space .*nothing was changed$/),
      details: { code: "ENOSPC" },
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it("leaves what stood there as it was, and a rerun with space succeeds", async () => {
    await writeDraft();
    disk.free = 100;
    await expect(writeDraft()).rejects.toMatchObject({ code: "storage" });
    expect(await readdir(target)).toEqual(["config.json", "onnx"]);
    emptyDisk();
    await writeDraft();
    expect(await readdir(folder)).toEqual(["model"]);
  });
});

it("puts the old folder back where the new one cannot take its place", async () => {
  await mkdir(target);
  const draft = await FolderDraft.create(target);
  await draft.write("new", "new");
  disk.failingRename = 2; // the first moves the old folder away
  await expect(draft.commit()).rejects.toMatchObject({ code: "storage", details: { code: "EBUSY" } });
  await draft.discard();
  expect(await readdir(folder)).toEqual(["model"]);
  expect(await readdir(target)).toEqual([]);
  await expect(readFile(join(target, "new"))).rejects.toThrow("ENOENT");
});
