import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PruneError } from "../../src/errors.js";
import { readRegistryText, registryText } from "../../src/registry/index.js";
import { anyRecord, recordOf } from "./arbitrary-record.js";

const FILE = "shared/coefficients.json";

/** A registry file as an object, to be damaged. */
type Draft = Record<string, never> & { records: Record<string, Record<string, unknown>>[] };

function errorOf(change: (file: Draft) => unknown): PruneError {
  const file = JSON.parse(registryText([recordOf(), recordOf()])) as Draft;
  change(file);
  try {
    readRegistryText(JSON.stringify(file), FILE);
  } catch (error) {
    if (error instanceof PruneError) return error;
  }
  throw new Error("nothing was refused");
}

describe("a registry file", () => {
  it("is read as it was written", () => {
    fc.assert(
      fc.property(fc.array(anyRecord, { maxLength: 3 }), (records) => {
        // JSON has no negative zero.
        expect(readRegistryText(registryText(records), FILE)).toEqual(JSON.parse(JSON.stringify(records)));
      }),
    );
  });

  it("holds coefficients as users write them", () => {
    const all = { row: 0, column: 0.5, window: 0.5, size: 31, power: 0.8, shape: 0 };
    const byKind = { q: { ...all, power: 0.5 } };
    const { records } = JSON.parse(registryText([recordOf({ coefficients: { all, byKind } })]));
    expect(records[0].coefficients).toEqual({ ...all, byKind });
  });

  it.each<[string, (file: Draft) => unknown, string]>([
    ["another format", (file) => Object.assign(file, { format: "prune" }), `${FILE}: format: expected`],
    [
      "a newer version",
      (file) => Object.assign(file, { version: 2 }),
      "version: expected 1, received 2; another version",
    ],
    ["an unknown key", (file) => Object.assign(file, { recrods: [] }), `${FILE} has no option "recrods"`],
    ["no records", (file) => Object.assign(file, { records: {} }), `${FILE}: records: expected an array of records`],
    [
      "a record with a key too many",
      ({ records: [, r] }) => Object.assign(r as object, { score: 1 }),
      "records.1 has no option",
    ],
    ["a key that is left out", ({ records: [r] }) => delete r?.objective, "records.0.objective: expected a text"],
    [
      "a part that is left out",
      ({ records: [r] }) => delete r?.judged,
      "records.0.judged: expected figures of the judge (perplexity)",
    ],
    ["no figure, not even null", ({ records: [r] }) => delete r?.judged?.ria, "records.0.judged.ria: expected"],
    [
      "a perplexity below 1",
      ({ records: [r] }) => Object.assign(r?.judged as object, { ria: 0.5 }),
      "records.0.judged.ria: expected a number from 1",
    ],
    [
      "a text of something else than perplexity",
      ({ records: [r] }) => Object.assign(r?.judge as object, { name: "error rate" }),
      'records.0.judge.text: expected null where the judge is not "perplexity"',
    ],
    [
      "a method that is none",
      ({ records: [r] }) => Object.assign(r as object, { method: "crep" }),
      'did you mean "crepe"?',
    ],
    [
      "a coefficient out of range",
      ({ records: [r] }) => Object.assign(r?.coefficients as object, { row: 2 }),
      "coefficients.row",
    ],
    [
      "a method without coefficients",
      ({ records: [r] }) => Object.assign(r as object, { method: "ria" }),
      "has no coefficients",
    ],
    [
      "a kind that is none",
      ({ records: [r] }) => Object.assign(r?.coefficients as object, { byKind: { gat: {} } }),
      'did you mean "gate"?',
    ],
    [
      "a fingerprint that is none",
      ({ records: [r] }) => Object.assign(r?.model as object, { fingerprint: "x" }),
      "64 hexadecimal digits",
    ],
    ["a date in words", ({ records: [r] }) => Object.assign(r as object, { date: "31 January 2026" }), "a time in UTC"],
    ["zero passes", ({ records: [r] }) => Object.assign(r as object, { passes: 0 }), "records.0.passes"],
  ])("is refused for %s, with file and key", (_, change, part) => {
    const error = errorOf(change);
    expect(error.code).toMatch(/^(bad|unknown)-option$/);
    expect(error.message).toContain(FILE);
    expect(error.message).toContain(part);
  });

  it("is refused where it is no JSON", () => {
    expect(() => readRegistryText("{", FILE)).toThrow(`${FILE}: expected a JSON object`);
  });
});
