/** Records of tuning for tests: a plain one to vary, and any that the format allows. */
import fc from "fast-check";
import type { CoefficientRecord } from "../../src/registry/index.js";
import type { Coefficients } from "../../src/score/index.js";

const COEFFICIENTS = { row: 0, column: 0.5, window: 0.5, size: 31, power: 0.8, shape: 0 };

/** A record, with what the test says of it. */
export const recordOf = (changes: Partial<CoefficientRecord> = {}): CoefficientRecord => ({
  method: "crepe",
  pattern: "2:4",
  coefficients: { all: COEFFICIENTS },
  passes: 1,
  family: "llama/512",
  model: { name: "someone/small", fingerprint: "a".repeat(64), dtype: "fp32" },
  objective: "drift",
  search: { optimiser: "cma-es", tokens: 1024, per: "model" },
  calibration: "built-in text, 32 samples of 512 tokens",
  judge: { name: "perplexity", text: { name: "novel.txt", sha256: "b".repeat(64), windows: 16, length: 512 } },
  judged: { dense: 20, ria: 40, wanda: 41.5, tuned: 35 },
  evaluations: 200,
  seconds: 1200.5,
  seed: 0,
  date: "2026-01-31T12:00:00.000Z",
  version: "0.1.0",
  ...changes,
});

const text = fc.string({ minLength: 1 }).filter((value) => value.trim() !== "");
const hash = fc.stringMatching(/^[0-9a-f]{64}$/);
const count = fc.nat();
const perplexity = fc.option(fc.double({ min: 1, max: 1e6, noNaN: true }));
/** Of other metrics only their users know. */
const figure = fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }));
const share = fc.double({ min: 0, max: 1, noNaN: true });

const numbers: fc.Arbitrary<Coefficients> = fc.record({
  row: share,
  column: share,
  // Never all three 0.
  window: fc.double({ min: 0.01, max: 1, noNaN: true }),
  size: fc.integer({ min: 0, max: 31 }).map((half) => 2 * half + 1),
  power: fc.double({ min: 0, max: 2, noNaN: true }),
  shape: share,
});

const kinds = fc.dictionary(fc.constantFrom("q", "k", "v", "o", "gate", "up", "down", "fc", "other"), numbers, {
  minKeys: 1,
  noNullPrototype: true,
});

const figures = (one: fc.Arbitrary<number | null>) => fc.record({ dense: one, ria: one, wanda: one, tuned: one });

/** A judge and what it said. */
const judgements: fc.Arbitrary<Pick<CoefficientRecord, "judge" | "judged">> = fc.oneof(
  fc.record({
    judge: fc.record({
      name: fc.constant("perplexity"),
      text: fc.option(
        fc.record({
          name: text,
          sha256: hash,
          windows: fc.integer({ min: 1, max: 1000 }),
          length: fc.integer({ min: 1, max: 5000 }),
        }),
      ),
    }),
    judged: figures(perplexity),
  }),
  fc.record({
    judge: fc.record({ name: text.filter((name) => name !== "perplexity"), text: fc.constant(null) }),
    judged: figures(figure),
  }),
);

const rest = fc.record({
  method: fc.constant("crepe" as const),
  pattern: text,
  coefficients: fc.oneof(
    fc.record({ all: numbers }),
    fc.record({ all: numbers, byKind: kinds }),
    fc.record({ all: numbers, byDepth: fc.array(numbers, { minLength: 1, maxLength: 5 }) }),
  ),
  passes: fc.integer({ min: 1, max: 10 }),
  family: fc.option(text),
  model: fc.record({ name: text, fingerprint: hash, dtype: text }),
  objective: text,
  search: fc.record({ optimiser: text, tokens: count, per: text }),
  calibration: text,
  evaluations: count,
  seconds: fc.double({ min: 0, max: 1e7, noNaN: true }),
  seed: count,
  date: fc
    .date({ min: new Date("2000-01-01"), max: new Date("2100-01-01"), noInvalidDate: true })
    .map((date) => date.toISOString()),
  version: text,
});

/** Any record that the format allows. */
export const anyRecord: fc.Arbitrary<CoefficientRecord> = fc
  .tuple(rest, judgements)
  .map(([record, judged]) => ({ ...record, ...judged }));
