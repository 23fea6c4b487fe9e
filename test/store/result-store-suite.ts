/** What every store of pruned models must do, whatever it is made of. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openModel } from "../../src/onnx/index.js";
import { type PruneRecord, RECORD_NAME, type ResultStore } from "../../src/store/index.js";
import { float32, modelBytes, value } from "../helpers/model.js";

/** A model of one initializer. */
const MODEL = modelBytes({ initializers: [float32("w", [2, 2], [1, 2, 3, 4])], outputs: [value("y", [2, 2])] });

const recordOf = (key: string, files: PruneRecord["files"]): PruneRecord => ({
  format: 2,
  version: "1.2.3",
  runBy: {},
  key,
  options: { method: "ria" },
  source: {},
  files,
  reports: [],
});

/**
 * The suite.
 *
 * @param open a store that is empty at first, and what removes it
 */
export function describeStore(
  name: string,
  open: () => Promise<{ readonly store: ResultStore; readonly remove: () => Promise<unknown> }>,
): void {
  describe(`store in ${name}`, () => {
    let store: ResultStore;
    let remove: () => Promise<unknown>;
    beforeEach(async () => {
      ({ store, remove } = await open());
    });
    afterEach(() => remove());

    /** Writes an entry of one model in two chunks, and a data file. */
    async function write(entry: string, key: string, until: "record" | "commit" = "commit"): Promise<void> {
      const draft = await store.draft(entry);
      const sink = draft.sink("");
      await sink.write("model.onnx", MODEL.subarray(0, 10));
      await sink.write("model.onnx", MODEL.subarray(10));
      await sink.write("model.onnx_data", new Uint8Array([1, 2, 3]));
      await draft.write("config.json", "{}");
      const files = await draft.finishFiles();
      await draft.write(RECORD_NAME, JSON.stringify(recordOf(key, files)));
      await (until === "commit" ? draft.commit() : draft.discard());
    }

    it("gives back what was committed, file by file and byte by byte", async () => {
      await write("model-a", "k");
      const record = await store.read("model-a", "k");
      expect(record?.files.map(({ name, bytes }) => [name, bytes]).sort()).toEqual([
        ["config.json", 2],
        ["model.onnx", MODEL.length],
        ["model.onnx_data", 3],
      ]);
      const { input, ...data } = await store.open("model-a", "model.onnx");
      const onnx = await openModel(input, data);
      expect(onnx.source.size).toBe(MODEL.length);
      expect(await onnx.source.read(0, MODEL.length)).toEqual(MODEL);
      await onnx.close();
    });

    it("finds an entry by its name and its key only", async () => {
      await write("model-a", "k");
      expect(await store.read("model-a", "other")).toBeNull();
      expect(await store.read("model-b", "k")).toBeNull();
      expect(await store.read("model", "k")).toBeNull();
    });

    it("has nothing of a draft that was discarded, and what stood there before goes with the next commit", async () => {
      await write("model-a", "k", "record");
      expect(await store.read("model-a", "k")).toBeNull();
      await write("model-a", "old");
      await write("model-a", "new");
      expect(await store.read("model-a", "old")).toBeNull();
      expect(await store.read("model-a", "new")).toMatchObject({ key: "new" });
    });

    it("does nothing when a committed draft is discarded", async () => {
      const draft = await store.draft("model-a");
      await draft.write(RECORD_NAME, JSON.stringify(recordOf("k", [])));
      await draft.commit();
      await draft.discard();
      expect(await store.read("model-a", "k")).toMatchObject({ key: "k" });
    });

    it("hashes a source by its content", async () => {
      const [onnx, same] = [await openModel(MODEL), await openModel(new Blob([MODEL as Uint8Array<ArrayBuffer>]))];
      const hash = await store.hash(onnx.source);
      expect(hash).toMatch(/^[0-9a-f]{64}$/);
      expect(await store.hash(same.source)).toBe(hash);
      const other = await openModel(modelBytes({ outputs: [value("z", [1])] }));
      expect(await store.hash(other.source)).not.toBe(hash);
    });

    it("lets one at a time work on an entry, and others go on after a failure", async () => {
      const events: string[] = [];
      const work = (label: string) => async () => {
        events.push(`${label} begins`);
        await new Promise((resolve) => setTimeout(resolve, 20));
        events.push(`${label} ends`);
        if (label === "a") throw new Error("a fails");
      };
      const all = ["a", "b"].map((label) => store.exclusively("model-a", undefined, work(label)));
      const settled = await Promise.allSettled(all);
      expect(settled.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
      expect(events.map((event) => event.split(" ")[1])).toEqual(["begins", "ends", "begins", "ends"]);
    });
  });
}
