/** The store in a page's own storage. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { PruneError } from "../../src/errors.js";
import { browserStore, RECORD_NAME, type ResultStore } from "../../src/store/index.js";
import { describeStore } from "./result-store-suite.js";

const NAME = "transformers-prune-test";
const open = async () => (await browserStore(NAME)) as ResultStore;

/** Entries of which there is anything. */
const entries = async () => {
  const keys = await (await caches.open(NAME)).keys();
  return [...new Set(keys.map(({ url }) => new URL(url).pathname.split("/")[1]))];
};

describeStore("a browser's cache", async () => ({ store: await open(), remove: () => caches.delete(NAME) }));

describe("store in a browser's cache", () => {
  afterEach(async () => {
    vi.restoreAllMocks();
    await caches.delete(NAME);
  });

  it("says that the storage is full, how full, and leaves nothing of the entry behind", async () => {
    const store = await open();
    const full = new DOMException("no room", "QuotaExceededError");
    vi.spyOn(Cache.prototype, "put").mockImplementation(async (_, response) => {
      await (response as Response).body?.getReader().read();
      throw full;
    });
    const draft = await store.draft("model-a");
    const write = async () => {
      for (let k = 0; k < 20; k++) await draft.sink("").write("model.onnx", new Uint8Array(1 << 16));
      await draft.finishFiles();
    };
    const error = await write().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(PruneError);
    expect(error).toMatchObject({ code: "storage", details: { full: true } });
    expect((error as PruneError).message).toMatch(/storage for this site is full \(\d+ MB of \d+ MB used\)/);
    await draft.discard();
    vi.restoreAllMocks();
    expect(await (await caches.open(NAME)).keys()).toEqual([]);
  });

  it.each(["asking for it", "opening it"])(
    "is none where %s is refused, and says what the browser says",
    async (refused) => {
      const refusal = new DOMException("Cache storage is disabled here", "SecurityError");
      if (refused === "opening it") vi.spyOn(CacheStorage.prototype, "open").mockRejectedValue(refusal);
      else
        vi.spyOn(globalThis, "caches", "get").mockImplementation(() => {
          throw refusal;
        });
      expect(await browserStore(NAME)).toMatch(/^not cached: .*\(Cache storage is disabled here\)/);
      vi.restoreAllMocks();
    },
  );

  it("clears what closed pages left behind, and neither what is whole nor what another page writes", async () => {
    const store = await open();
    const begin = async (entry: string) => {
      const draft = await store.draft(entry);
      await draft.write("config.json", "{}");
      return draft;
    };
    const whole = await begin("model-whole");
    await whole.write(RECORD_NAME, "{}");
    await whole.commit();
    await store.exclusively("model-held", undefined, async () => {
      const held = await begin("model-held");
      await begin("model-left");
      expect((await entries()).sort()).toEqual(["model-held", "model-left", "model-whole"]);
      await begin("model-new");
      expect((await entries()).sort()).toEqual(["model-held", "model-new", "model-whole"]);
      await held.discard();
    });
  });

  it("takes an entry that lacks a file for none", async () => {
    const store = await open();
    const draft = await store.draft("model-a");
    await draft.sink("").write("model.onnx", new Uint8Array(3));
    const files = await draft.finishFiles();
    const record = { format: 2, key: "k", reports: [], files };
    await draft.write(RECORD_NAME, JSON.stringify(record));
    await draft.commit();
    expect(await store.read("model-a", "k")).toMatchObject({ key: "k" });
    const cache = await caches.open(NAME);
    const [model] = (await cache.keys()).filter(({ url }) => url.endsWith("model.onnx"));
    await cache.delete(model as Request);
    expect(await store.read("model-a", "k")).toBeNull();
  });
});
