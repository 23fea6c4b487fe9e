import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CoefficientRecord } from "../../src/registry/index.js";
import { addRecord, mergeRecords, readRegistryFile } from "../../src/registry/local.js";
import { bundleScript, ended, startScript } from "../helpers/child.js";
import { recordOf } from "./arbitrary-record.js";

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "registry-"));
  path = join(folder, "cache", "coefficients.json");
});
afterEach(() => rm(folder, { recursive: true }));

const JANUARY = "2026-01-01T00:00:00.000Z";
const MARCH = "2026-03-01T00:00:00.000Z";
/** A record told by its seed; records of the same pattern are of the same subject. */
const record = (seed: number, changes: Partial<CoefficientRecord> = {}) => recordOf({ seed, ...changes });
const seeds = async () => (await readRegistryFile(path)).map(({ seed }) => seed);

describe("the registry of a machine", () => {
  it("is empty before anything was added", async () => {
    expect(await readRegistryFile(path)).toEqual([]);
  });

  it("keeps one record for each model, method and pattern, the last that was added", async () => {
    await addRecord(path, record(1));
    await addRecord(path, record(2, { pattern: "4:8" }));
    await addRecord(path, record(3, { model: { ...record(3).model, fingerprint: "c".repeat(64) } }));
    await addRecord(path, record(4, { date: JANUARY, family: "other/512" }));
    expect(await seeds()).toEqual([2, 3, 4]);
    expect(await readdir(join(folder, "cache"))).toEqual(["coefficients.json"]);
  });

  it("takes what another registry knows that is new or newer", async () => {
    await addRecord(path, record(1, { date: JANUARY }));
    await addRecord(path, record(2, { pattern: "4:8", date: MARCH }));
    const others = [
      record(3, { date: MARCH }),
      record(4, { pattern: "4:8", date: JANUARY }),
      record(5, { pattern: "1:4", date: JANUARY }),
      record(6, { pattern: "1:4", date: MARCH }),
    ];
    expect((await mergeRecords(path, others)).map(({ seed }) => seed)).toEqual([3, 6]);
    expect(await seeds()).toEqual([2, 3, 6]);
    expect(await mergeRecords(path, others)).toEqual([]);
  });

  it("is left as it is, and named, where somebody has damaged it", async () => {
    await addRecord(path, record(1));
    const text = (await readFile(path, "utf8")).replace('"seed"', '"sead"');
    await writeFile(path, text);
    await expect(addRecord(path, record(2))).rejects.toMatchObject({
      code: "bad-option",
      message: expect.stringContaining(`${path}: records.0.seed`),
    });
    expect(await readFile(path, "utf8")).toBe(text);
  });

  it("loses nothing to processes that add at the same time", async () => {
    const script = await bundleScript(
      `import { addRecord } from "./src/registry/local.js";
       const [path, name] = process.argv.slice(2);
       const record = ${JSON.stringify(recordOf())};
       for (let i = 0; i < 8; i++) await addRecord(path, { ...record, pattern: name + " " + i });`,
      folder,
    );
    const children = ["a", "b", "c"].map((name) => ended(startScript(script, path, name)));
    expect(await Promise.all(children)).toEqual([0, 0, 0]);
    expect(new Set((await readRegistryFile(path)).map(({ pattern }) => pattern)).size).toBe(24);
  });
});
