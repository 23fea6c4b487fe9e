import { describe, expect, it } from "vitest";
import { type CoefficientRecord, lookUp, type Registry } from "../../src/registry/index.js";
import { recordOf } from "./arbitrary-record.js";

const OWN = "1".repeat(64);
const MODEL = { family: "llama/512", fingerprint: OWN };
const WANTED = { method: "crepe", patterns: ["2:4"] } as const;

const model = (fingerprint: string) => ({ name: "some/model", fingerprint, dtype: "fp32" });
/** A record of another model, unless it says otherwise; told by its seed. */
const record = (seed: number, changes: Partial<CoefficientRecord> = {}) =>
  recordOf({ seed, model: model("2".repeat(64)), ...changes });
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
      "is never of another pattern",
      [tuned(own(1, { pattern: "4:8" })), shipped(own(2, { pattern: "50% by row" }))],
      null,
    ],
    ["is never of another method", [tuned(own(1, { method: "ria" }))], null],
    ["is none where nothing is known", [tuned(), shipped()], null],
  ])("%s", (_, registries, expected) => {
    const found = lookUp(registries, WANTED, MODEL);
    expect(found && `${found.kind} ${found.of} ${found.record.seed}`).toBe(expected);
  });

  it("is of either scope where the user left it open", () => {
    const wanted = { method: "crepe", patterns: ["50% by row", "50% by matrix"] } as const;
    const registry = tuned(own(1, { pattern: "50% by matrix" }), own(2, { pattern: "50% by row", ...OLD }));
    expect(lookUp([registry], wanted, MODEL)?.record.seed).toBe(1);
  });

  it("is none where the family is unknown, also to the record", () => {
    expect(lookUp([tuned(record(1, { family: null }))], WANTED, { ...MODEL, family: null })).toBeNull();
  });
});
