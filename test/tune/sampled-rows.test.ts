import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Target, WeightKind } from "../../src/graph/index.js";
import { methodOf } from "../../src/score/index.js";
import { representatives, SampledRows, sampledRowsOf } from "../../src/tune/sampled-rows.js";
import { referenceMask, referenceScores } from "../helpers/reference-mask.js";
import { byRow, candidateOf, referenceJob, weightsSubject, weightValues } from "./weights-subject.js";

const HALF = byRow(0.5);
const share = fc.integer({ min: 0, max: 1000 }).map((k) => k / 1000);
const coefficients = fc.record({
  row: share,
  column: share,
  window: share,
  size: fc.integer({ min: 0, max: 31 }).map((half) => 2 * half + 1),
  power: share.map((x) => 1.5 * x),
  shape: share,
});
const weight = fc
  .record({
    shape: fc.record({ out: fc.integer({ min: 2, max: 50 }), in: fc.integer({ min: 2, max: 40 }) }),
    dtype: fc.constantFrom("float32", "float16", "bfloat16"),
    order: fc.constantFrom("in-out", "out-in"),
    seed: fc.nat(1000),
  })
  .map(({ seed, ...spec }) => ({ ...spec, values: weightValues(spec.shape.out * spec.shape.in, seed) }));

describe("scores of sampled rows", () => {
  it("are those of the formula, with the means of the whole weight, however it is stored", async () => {
    const property = fc.asyncProperty(
      weight,
      fc.array(coefficients, { minLength: 1, maxLength: 3 }),
      async (spec, sets) => {
        const made = await weightsSubject([spec]);
        const rows = new SampledRows(made.subject);
        for (const set of sets) {
          const candidate = candidateOf(set, HALF);
          const all = referenceScores(referenceJob(made, made.target, candidate));
          const { weight, scores, length } = rows.prune(made.target, candidate);
          const expected = weight.rows.flatMap((o) => all.slice(o * spec.shape.in, (o + 1) * spec.shape.in));
          expect(length).toBe(expected.length);
          for (const [k, score] of expected.entries())
            expect(Math.abs((scores[k] as number) - score)).toBeLessThanOrEqual(1e-6 * score);
        }
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });

  it("stay the same when more window sizes are asked for than are kept", async () => {
    const spec = { shape: { out: 20, in: 24 }, values: weightValues(480, 7) };
    const { subject, target } = await weightsSubject([spec]);
    const rows = new SampledRows(subject);
    const scoresAt = (size: number) => [...rows.prune(target, candidateOf({ window: 1, size }, HALF)).scores];
    const sizes = Array.from({ length: 12 }, (_, k) => 2 * k + 3);
    expect([...sizes, ...sizes].map(scoresAt)).toEqual(
      [...sizes, ...sizes].map((size) => {
        const fresh = new SampledRows(subject);
        return [...fresh.prune(target, candidateOf({ window: 1, size }, HALF)).scores];
      }),
    );
  });

  it("are those of the coefficients that the set has for the weight's depth", async () => {
    const specs = [1, 2].map((seed) => ({ shape: { out: 4, in: 8 }, values: weightValues(32, seed) }));
    const { subject } = await weightsSubject(specs);
    const rows = new SampledRows(subject);
    const [first, second] = subject.targets as [Target, Target];
    const [shallow, deep] = [{ power: 0 }, { power: 1 }].map((set) => ({ ...methodOf("crepe").untuned, ...set }));
    const both = { ...candidateOf({}, HALF), coefficients: { all: {}, byDepth: [shallow, deep] } } as never;
    const scoresOf = (target: Target, candidate: typeof both) => [...rows.prune(target, candidate).scores];
    expect(scoresOf(first, both)).toEqual(scoresOf(first, candidateOf({ power: 0 }, HALF) as never));
    expect(scoresOf(second, both)).toEqual(scoresOf(second, candidateOf({ power: 1 }, HALF) as never));
  });
});

describe("what goes of sampled rows", () => {
  it.each([
    byRow(0.3),
    { kind: "unstructured", sparsity: 0.6, scope: "matrix" },
    { kind: "n:m", keep: 2, of: 4, permute: false },
    { kind: "n:m", keep: 5, of: 8, permute: false },
  ] as const)("is what goes of the weight where all its rows are sampled: %j", async (pattern) => {
    const made = await weightsSubject([
      { shape: { out: 12, in: 32 }, values: weightValues(384, 3).map((w) => w + 0.01) },
    ]);
    const candidate = candidateOf({ row: 0.2, column: 0.3, window: 0.5, size: 7, power: 0.7 }, pattern);
    const { pruned } = new SampledRows(made.subject).prune(made.target, candidate);
    expect([...pruned]).toEqual(
      referenceMask(referenceJob(made, made.target, candidate)).map((stays) => Number(!stays)),
    );
  });
});

describe("the sample", () => {
  const tall = { shape: { out: 100, in: 4 }, values: weightValues(400, 1) };

  it("is the same for the same seed, and another for another", async () => {
    const rowsAt = async (seed: number) => {
      const { subject, target } = await weightsSubject([tall], { seed });
      return new SampledRows(subject).weightOf(target).rows;
    };
    expect(await rowsAt(1)).toEqual(await rowsAt(1));
    expect(await rowsAt(1)).not.toEqual(await rowsAt(2));
  });

  it("has one row of each of sixteen equal parts of a weight", async () => {
    const { subject, target } = await weightsSubject([tall]);
    const { rows } = new SampledRows(subject).weightOf(target);
    expect(rows.map((o) => Math.floor(((o + 1) * 16 - 1) / 100))).toEqual(
      Array.from({ length: 16 }, (_, part) => part),
    );
  });

  it("is shared by all who look at a subject", async () => {
    const { subject } = await weightsSubject([tall]);
    expect(sampledRowsOf(subject)).toBe(sampledRowsOf(subject));
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])(
    "of a weight that holds %d is an error that names it",
    async (bad) => {
      const values = weightValues(400, 1);
      values[201] = bad;
      const { subject, target } = await weightsSubject([{ ...tall, values }]);
      expect(() => new SampledRows(subject).prune(target, candidateOf({}, HALF))).toThrow(
        expect.objectContaining({ code: "bad-weight", message: expect.stringContaining('"layers.0.mlp.up_proj"') }),
      );
    },
  );

  it("of a large model leaves out weights, but no kind and no part of the depth", () => {
    const kinds: WeightKind[] = ["q", "o", "up", "down"];
    const targets = Array.from({ length: 80 }, (_, layer) =>
      kinds.map((kind) => ({ kind, layer, shape: { out: 4096, in: 4096 } }) as Target),
    ).flat();
    const chosen = representatives(targets);
    const sampled = chosen.reduce((sum, { shape }) => sum + 16 * shape.in, 0);
    expect(sampled).toBeLessThanOrEqual(2 ** 22);
    expect(sampled).toBeGreaterThan(0.9 * 2 ** 22);
    const layersOf = (some: readonly Target[]) => some.map(({ layer }) => layer as number);
    const widestGap = (layers: readonly number[]) =>
      Math.max(...[...layers, 80].map((layer, k) => layer - (layers[k - 1] ?? 0)));
    for (const kind of kinds)
      expect(widestGap(layersOf(chosen.filter((target) => target.kind === kind)))).toBeLessThanOrEqual(10);
    expect(widestGap(layersOf(chosen))).toBeLessThanOrEqual(3);
  });
});
