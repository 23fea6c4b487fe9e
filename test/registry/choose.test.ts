import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildModel, findTargets, type Target } from "../../src/graph/index.js";
import { openModel } from "../../src/onnx/index.js";
import {
  type CoefficientLibrary,
  type CoefficientRecord,
  chooseCoefficients,
  fingerprintOf,
  type Registry,
  registryText,
} from "../../src/registry/index.js";
import { METHODS } from "../../src/score/index.js";
import { modelBytes } from "../helpers/model.js";
import { languageModel, resolved } from "../prune/tiny.js";
import { recordOf } from "./arbitrary-record.js";

const DEFAULTS = { row: 0, column: 0.54, window: 0.46, size: 31, power: 0.8, shape: 0 };
const TUNED = { row: 0.2, column: 0.3, window: 0.5, size: 9, power: 0.6, shape: 1 };
const UNTUNED = METHODS.crepe.untuned;
const FAMILY = "tiny/32";

let folder: string;
let targets: readonly Target[];
let fingerprint: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "coefficients-"));
  targets = findTargets(buildModel(await openModel(modelBytes(languageModel())))).targets;
  fingerprint = await fingerprintOf(targets);
});
afterAll(() => rm(folder, { recursive: true }));

const record = (changes: Partial<CoefficientRecord> = {}) =>
  recordOf({ coefficients: { all: TUNED }, passes: 3, family: FAMILY, ...changes });
const ofThisModel = (changes: Partial<CoefficientRecord> = {}) =>
  record({ model: { name: "this/one", fingerprint, dtype: "fp32" }, ...changes });
const libraryOf = (
  tuned: readonly CoefficientRecord[],
  { shipped = [], type = "tiny" }: { shipped?: readonly CoefficientRecord[]; type?: string | null } = {},
): CoefficientLibrary => ({
  registries: async (): Promise<Registry[]> => [
    { kind: "tuned", records: tuned },
    { kind: "shipped", records: shipped },
  ],
  modelType: async () => type,
});
const choose = (option: unknown, library: CoefficientLibrary | null = null) =>
  chooseCoefficients(resolved(option), { path: null, targets }, library);

describe("coefficients that are given", () => {
  it("are taken, with the scope of the method", async () => {
    expect(await choose({ coefficients: { row: 0.3 }, sparsity: 0.5 })).toEqual({
      coefficients: { all: { ...DEFAULTS, row: 0.3 } },
      from: "given",
      passes: null,
      pattern: { kind: "unstructured", sparsity: 0.5, scope: "row" },
    });
  });

  it("are the untuned ones for default: RIA, with RIA's scope unless the user names one", async () => {
    const { coefficients, from, pattern } = await choose({ coefficients: "default", sparsity: 0.6 });
    expect({ coefficients, from }).toEqual({ coefficients: { all: UNTUNED }, from: "default" });
    expect(pattern).toEqual({ kind: "unstructured", sparsity: 0.6, scope: "matrix" });
    const byRow = await choose({ coefficients: "default", scope: "row" });
    expect(byRow.pattern).toEqual({ kind: "unstructured", sparsity: 0.5, scope: "row" });
  });

  it("are none for a method that has none", async () => {
    expect(await choose({ method: "wanda" }, libraryOf([]))).toEqual({
      coefficients: { all: {} },
      from: "none: the method has no coefficients",
      passes: null,
      pattern: { kind: "unstructured", sparsity: 0.5, scope: "row" },
    });
  });
});

describe("coefficients: auto", () => {
  const auto = (library: CoefficientLibrary | null, pattern: object = { pattern: "2:4" }) =>
    choose({ method: "crepe", ...pattern }, library);

  it.each<[string, () => CoefficientLibrary | null, string]>([
    ["tuned on this model", () => libraryOf([ofThisModel()]), "tuned on this model (drift, 2026-01-31)"],
    ["tuned on its family", () => libraryOf([record()]), "tuned on family tiny/32 (someone/small, fp32)"],
    ["shipped for it", () => libraryOf([], { shipped: [ofThisModel()] }), "shipped for this model (drift, 2026-01-31)"],
    [
      "shipped for its family",
      () => libraryOf([], { shipped: [record()] }),
      "shipped for family tiny/32 (someone/small, fp32)",
    ],
  ])("takes what was %s, and its passes", async (_, library, from) => {
    const pattern = { kind: "n:m", keep: 2, of: 4, permute: false };
    expect(await auto(library())).toEqual({ coefficients: { all: TUNED }, from, passes: 3, pattern });
  });

  it.each<[string, () => CoefficientLibrary | null, string]>([
    ["is known", () => libraryOf([]), "untuned: nothing known of family tiny/32 at 2:4; run transformers-prune tune"],
    [
      "is known of this pattern or a near one",
      () => libraryOf([ofThisModel({ pattern: "1:4" })]),
      "untuned: nothing known of family tiny/32 at 2:4; ",
    ],
    [
      "is known of this family",
      () => libraryOf([record({ family: "gpt2/16" })]),
      "untuned: nothing known of family tiny/32",
    ],
    [
      "tells the family",
      () => libraryOf([record()], { type: null }),
      "untuned: nothing known of the model, whose family is unknown,",
    ],
    ["can be looked up", () => null, "untuned: nothing was looked up"],
  ])("is untuned where nothing %s", async (_, library, from) => {
    const chosen = await auto(library());
    expect(chosen).toMatchObject({ coefficients: { all: UNTUNED }, passes: null });
    expect(chosen.from).toContain(from);
  });

  it("takes what was tuned for a near pattern, with its passes, and says so", async () => {
    const library = libraryOf([record({ pattern: "50% by row" })], { shipped: [ofThisModel()] });
    expect(await auto(library, { pattern: "4:8" })).toEqual({
      coefficients: { all: TUNED },
      from: "shipped for this model at 2:4, taken for 4:8 (drift, 2026-01-31)",
      passes: 3,
      pattern: { kind: "n:m", keep: 4, of: 8, permute: false },
    });
    expect(await auto(library, { sparsity: 0.6 })).toMatchObject({
      from: "tuned on family tiny/32 at 50% by row, taken for 60% by row (someone/small, fp32)",
      pattern: { kind: "unstructured", sparsity: 0.6, scope: "row" },
    });
  });

  it("takes the scope for which coefficients were tuned, unless the user names another", async () => {
    const library = libraryOf([record({ pattern: "50% by row" }), record({ pattern: "70% by matrix" })]);
    const patternOf = async (option: object) => (await auto(library, option)).pattern;
    expect(await patternOf({ sparsity: 0.5 })).toMatchObject({ scope: "row" });
    expect(await patternOf({ sparsity: 0.7 })).toMatchObject({ scope: "matrix" });
    const other = await auto(library, { sparsity: 0.5, scope: "matrix" });
    expect(other).toMatchObject({ coefficients: { all: UNTUNED }, pattern: { scope: "matrix" } });
    expect(other.from).toContain("at 50% by matrix;");
  });
});

describe("coefficients of a file", () => {
  async function fileOf(content: unknown): Promise<string> {
    const path = join(folder, "coefficients.json");
    await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
    return path;
  }
  const fromFile = (location: string, library: CoefficientLibrary | null = null) =>
    choose({ coefficients: location, pattern: "2:4" }, library);

  it("are numbers at a path, a file URL or a web address", async () => {
    const path = await fileOf('{"row":0.35,"power":0.5}');
    const all = { ...DEFAULTS, row: 0.35, power: 0.5 };
    expect(await fromFile(path)).toMatchObject({ coefficients: { all }, from: path, passes: null });
    expect((await fromFile(pathToFileURL(path).href)).coefficients).toEqual({ all });
    expect((await fromFile('data:application/json,{"row":0.35,"power":0.5}')).coefficients).toEqual({ all });
  });

  it("are those of its record, or of the one record in a registry that fits the pattern", async () => {
    const [first, second] = [record(), record({ pattern: "4:8" })];
    const { records } = JSON.parse(registryText([first]));
    const expected = { coefficients: { all: TUNED }, passes: 3 };
    for (const content of [records[0], registryText([first, second])]) {
      const path = await fileOf(content);
      expect(await fromFile(path)).toMatchObject({ ...expected, from: `${path} (tuned on someone/small)` });
    }
  });

  it("are taken however poor they say they are, since the user names them", async () => {
    const judged = { dense: 20, ria: 30, wanda: 30, tuned: 35 };
    const path = await fileOf(registryText([ofThisModel({ judged })]));
    expect((await fromFile(path)).coefficients).toEqual({ all: TUNED });
    const auto = await choose({ preset: "fast", pattern: "2:4" }, libraryOf([ofThisModel({ judged })]));
    expect(auto.from).toContain("untuned");
  });

  it("are those of the model or its family where several fit the pattern, and no others", async () => {
    const other = record({ family: "gpt2/16", date: "2026-03-01T00:00:00.000Z" });
    const another = record({ family: null, coefficients: { all: DEFAULTS } });
    const path = await fileOf(
      registryText([other, another, record({ coefficients: { all: { ...TUNED, size: 11 } } })]),
    );
    expect((await fromFile(path, libraryOf([]))).coefficients.all.size).toBe(11);
    await fileOf(registryText([other, another]));
    await expect(fromFile(path, libraryOf([]))).rejects.toMatchObject({
      code: "bad-option",
      message: expect.stringContaining("someone/small (gpt2/16), someone/small (family unknown), none of this model"),
    });
  });

  it.each<[string, unknown, string, string]>([
    ["no JSON", "{", "bad-option", "expected a JSON object"],
    ["no object", "[1,2]", "bad-option", "received an array of 2"],
    ["an unknown number", { rows: 1 }, "unknown-option", 'did you mean "row"?'],
    ["a number out of range", { row: 2 }, "bad-option", "coefficients.json: row: expected a number from 0 to 1"],
    ["half a record", { method: "crepe" }, "bad-option", "coefficients.json: pattern: expected"],
    [
      "a record of another pattern",
      JSON.parse(registryText([recordOf({ pattern: "4:8" })])),
      "bad-option",
      "it has those of crepe at 4:8",
    ],
    ["an empty registry", JSON.parse(registryText([])), "bad-option", "it has none at all"],
  ])("are refused where it holds %s", async (_, content, code, part) => {
    await expect(fromFile(await fileOf(content))).rejects.toMatchObject({
      code,
      message: expect.stringContaining(part),
    });
  });

  it("are missed by name where there is no such file, with what else could be given", async () => {
    await expect(fromFile(join(folder, "autp"))).rejects.toMatchObject({
      code: "not-found",
      message: expect.stringMatching(/autp" cannot be read: ENOENT.*give "auto", "default"/),
    });
  });
});
