import { describe, expect, it } from "vitest";
import { describePattern, type Pattern } from "../../src/pattern/index.js";
import { type CoefficientRecord, lookUp, type Registry } from "../../src/registry/index.js";
import { parsePattern } from "../../src/registry/nearest-pattern.js";
import { recordOf } from "./arbitrary-record.js";

const OWN = "1".repeat(64);
const MODEL = { family: "llama/512", fingerprint: OWN, storage: "float" } as const;
/** What is wanted, by patterns in words. */
const wanting = (...patterns: string[]) => ({
  method: "crepe" as const,
  patterns: patterns.map((text) => parsePattern(text) as Pattern),
});
const WANTED = wanting("8:16");

const model = (fingerprint: string) => ({ name: "some/model", fingerprint, dtype: "fp32" });
/** Another model, in a dtype. */
const stored = (dtype: string) => ({ ...model("2".repeat(64)), dtype });
/** A record of another model, unless it says otherwise; told by its seed. */
const record = (seed: number, changes: Partial<CoefficientRecord> = {}) =>
  recordOf({ seed, pattern: "8:16", model: model("2".repeat(64)), ...changes });
const own = (seed: number, changes: Partial<CoefficientRecord> = {}) => record(seed, { model: model(OWN), ...changes });

const tuned = (...records: CoefficientRecord[]): Registry => ({ kind: "tuned", records });
const shipped = (...records: CoefficientRecord[]): Registry => ({ kind: "shipped", records });
const OLD = { date: "2025-01-01T00:00:00.000Z" };
const OTHER = { family: "gpt2/512" };

describe("the record for a model", () => {
  it.each<[string, Registry[], string | null]>([
    ["is its own before a newer one of its family", [tuned(record(1), own(2, OLD))], "tuned model 2"],
    ["is its own whatever the family is called", [tuned(own(1, OTHER))], "tuned model 1"],
    ["is the newest of its own", [tuned(own(1, OLD), own(2), own(3, OLD))], "tuned model 2"],
    ["is else the newest of its family", [tuned(record(1, OLD), record(2), record(3, OLD))], "tuned family 2"],
    [
      "is of its family tuned here, before its own that was shipped",
      [tuned(record(1)), shipped(own(2))],
      "tuned family 1",
    ],
    ["is else its own that was shipped", [tuned(record(1, OTHER)), shipped(record(2), own(3))], "shipped model 3"],
    ["is else the shipped one of its family", [tuned(), shipped(record(1, OTHER), record(2))], "shipped family 2"],
    ["is never of another family", [tuned(record(1, OTHER)), shipped(record(2, { family: null }))], null],
    [
      "is of a file stored alike before a newer one of another storage",
      [tuned(record(1, { model: stored("q4") }), record(2, { ...OLD, model: stored("fp16") }))],
      "tuned family 2",
    ],
    [
      "is of another storage before a shipped one of the same",
      [tuned(record(1, { model: stored("q4") })), shipped(record(2))],
      "tuned family 1",
    ],
    [
      "is never of a far pattern or another kind",
      [tuned(own(1, { pattern: "1:4" })), shipped(own(2, { pattern: "50% by row" }), own(3, { pattern: "9" }))],
      null,
    ],
    ["is of a near pattern where there is no other", [tuned(own(1, { pattern: "4:8" }))], "tuned model 1 near"],
    [
      "is of the very pattern before a newer one of a near one",
      [tuned(own(1, { pattern: "4:8" }), own(2, OLD))],
      "tuned model 2",
    ],
    [
      "is of the family's very pattern before the model's near one",
      [tuned(own(1, { pattern: "4:8" }), record(2))],
      "tuned family 2",
    ],
    [
      "is of the very pattern that was shipped before a near one tuned here",
      [tuned(own(1, { pattern: "5:8" })), shipped(record(2))],
      "shipped family 2",
    ],
    [
      "is of the family's near pattern tuned here before the model's that was shipped",
      [tuned(record(1, { pattern: "5:8" })), shipped(own(2, { pattern: "4:8" }))],
      "tuned family 1 near",
    ],
    [
      "is of the model's near pattern before the family's nearer one",
      [tuned(own(1, { pattern: "5:8" }), record(2, { pattern: "4:8" }))],
      "tuned model 1 near",
    ],
    [
      "is of the nearest pattern, and the newest of several as near",
      [tuned(own(1, { pattern: "5:8" }), own(2, { pattern: "4:8", ...OLD }), own(3, { pattern: "2:4" }))],
      "tuned model 3 near",
    ],
    ["is never permuted for what is not", [tuned(own(1, { pattern: "4:8 permuted" }))], null],
    [
      "is none that says of itself that RIA or Wanda is as good",
      [
        tuned(own(1, { judged: { dense: 20, ria: 35, wanda: null, tuned: 35 } })),
        shipped(record(2, { judged: { dense: 20, ria: 40, wanda: 30, tuned: 35 } })),
      ],
      null,
    ],
    [
      "is one of which nobody knows how good it is",
      [tuned(own(1, { judged: { dense: null, ria: null, wanda: null, tuned: 35 } }))],
      "tuned model 1",
    ],
    ["is never of another method", [tuned(own(1, { method: "ria" }))], null],
    ["is none where nothing is known", [tuned(), shipped()], null],
  ])("%s", (_, registries, expected) => {
    const found = lookUp(registries, WANTED, MODEL);
    expect(found && `${found.kind} ${found.of} ${found.record.seed}${found.exact ? "" : " near"}`).toBe(expected);
  });

  it("is of either scope where the user left it open", () => {
    const wanted = wanting("50% by row", "50% by matrix");
    const registry = tuned(own(1, { pattern: "50% by matrix" }), own(2, { pattern: "50% by row", ...OLD }));
    expect(lookUp([registry], wanted, MODEL)?.record.seed).toBe(1);
  });

  it.each([
    ["60% by row", "50% by row"],
    ["60% by row", "75% by row"],
    ["50% by matrix", "35% by matrix"],
    ["6:8", "7:8"],
  ])("of %s is %s's where the other has none, and the other way round", (one, other) => {
    for (const [asked, known] of [
      [one, other],
      [other, one],
    ] as const) {
      const found = lookUp([tuned(own(1, { pattern: known }))], wanting(asked), MODEL);
      expect(found && { exact: found.exact, pattern: describePattern(found.pattern) }).toEqual({
        exact: false,
        pattern: asked,
      });
    }
  });

  it.each([
    ["4:8", "2:4"],
    ["6:16", "2:4"],
    ["4:8 permuted", "2:4 permuted"],
  ])("of %s is %s's where the other has none, whose groups are smaller", (asked, known) => {
    expect(lookUp([tuned(own(1, { pattern: known }))], wanting(asked), MODEL)?.exact).toBe(false);
  });

  it.each([
    ["60% by row", "76% by row"],
    ["50% by row", "50% by matrix"],
    ["3:8", "2:3"],
    ["2:4", "4:8"],
    ["4:8", "2:4 permuted"],
  ])("of %s is never %s's", (asked, known) => {
    expect(lookUp([tuned(own(1, { pattern: known }))], wanting(asked), MODEL)).toBeNull();
  });

  it("is none where the family is unknown, also to the record", () => {
    expect(lookUp([tuned(record(1, { family: null }))], WANTED, { ...MODEL, family: null })).toBeNull();
  });
});

describe("a pattern in words", () => {
  it("is read as it was written, and is none where it is something else", () => {
    const patterns: readonly Pattern[] = [
      { kind: "n:m", keep: 2, of: 4, permute: false },
      { kind: "n:m", keep: 12, of: 64, permute: true },
      { kind: "unstructured", sparsity: 0.625, scope: "matrix" },
      { kind: "unstructured", sparsity: 0.5, scope: "row" },
    ];
    expect(patterns.map((pattern) => parsePattern(describePattern(pattern)))).toEqual(patterns);
    for (const text of ["2:4 twisted", "50%", "half by row", ""]) expect(parsePattern(text)).toBeNull();
  });
});
