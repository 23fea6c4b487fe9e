import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plainProducts } from "../../src/linalg/plain-products.js";
import type { SecondMoments } from "../../src/linalg/second-moments.js";
import {
  biasShift,
  type NormReader,
  normFactors,
  repairByLeastSquares,
  rowScales,
  scaleRows,
} from "../../src/reconstruct/repairs/index.js";
import {
  arbitraryProblem,
  correlatedRows,
  errorOf,
  inputOf,
  momentsOf,
  type Problem,
  problemOf,
  randomNumbers,
  solveDense,
} from "./problems.js";

/** Outputs of a layer on rows [tokens, in] with an added bias, [tokens, out], in float64. */
function outputs(shape: Problem["shape"], values: Float32Array, rows: Float32Array, bias?: Float64Array): Float64Array {
  const tokens = rows.length / shape.in;
  const result = new Float64Array(tokens * shape.out);
  for (let t = 0; t < tokens; t++)
    for (let o = 0; o < shape.out; o++) {
      let sum = bias?.[o] ?? 0;
      for (let i = 0; i < shape.in; i++)
        sum += (values[o * shape.in + i] as number) * (rows[t * shape.in + i] as number);
      result[t * shape.out + o] = sum;
    }
  return result;
}

const energyOf = (values: Float64Array) => values.reduce((sum, v) => sum + v * v, 0);
const distance = (a: Float64Array, b: Float64Array) => energyOf(a.map((v, k) => v - (b[k] as number)));
const meanOf = ({ sum, tokens }: SecondMoments) => sum.map((s) => s / tokens);
/** What float32 may cost, as a share of the dense output's energy. */
const ROUNDING = 1e-6;

describe("bias", () => {
  it("gives every neuron its mean output back, and never raises the error", () => {
    fc.assert(
      fc.property(arbitraryProblem, ({ shape, dense, start, rows, moments }) => {
        const shift = biasShift({ shape, dense, pruned: start, mean: meanOf(moments) });
        const wanted = outputs(shape, dense, rows);
        const repaired = outputs(shape, start, rows, shift);
        for (let o = 0; o < shape.out; o++) {
          let gap = 0;
          for (let t = 0; t < moments.tokens; t++)
            gap += (wanted[t * shape.out + o] as number) - (repaired[t * shape.out + o] as number);
          expect(Math.abs(gap)).toBeLessThan(1e-9 * (1 + Math.sqrt(energyOf(wanted) * moments.tokens)));
        }
        expect(distance(wanted, repaired)).toBeLessThanOrEqual(
          distance(wanted, outputs(shape, start, rows)) + 1e-9 * energyOf(wanted),
        );
      }),
    );
  });

  it("counts with the means that a changed norm leaves", () => {
    const { shape, dense, start, rows, moments } = problemOf({ seed: 5, out: 6, inputs: 10, tokens: 40, share: 0.5 });
    const changed = rows.map((x, k) => x * (1 + 0.1 * (k % shape.in)));
    const shift = biasShift({
      shape,
      dense,
      pruned: start,
      mean: meanOf(moments),
      prunedMean: meanOf(momentsOf(changed, shape.in)),
    });
    const gap = outputs(shape, dense, rows).map((v, k) => v - (outputs(shape, start, changed, shift)[k] as number));
    for (let o = 0; o < shape.out; o++)
      expect(gap.filter((_, k) => k % shape.out === o).reduce((a, b) => a + b, 0)).toBeCloseTo(0, 9);
  });
});

describe("scale", () => {
  it("is the factor of a line search for every row", async () => {
    const { shape, dense, start, moments } = problemOf({ seed: 6, out: 8, inputs: 16, tokens: 60, share: 0.4 });
    const scales = await rowScales({ shape, dense, pruned: start }, inputOf(moments, plainProducts()));
    for (let o = 0; o < shape.out; o++) {
      const row = (of: Float32Array, factor = 1) => of.slice(o * shape.in, (o + 1) * shape.in).map((w) => w * factor);
      const error = (factor: number) => errorOf({ out: 1, in: shape.in }, row(dense), row(start, factor), moments);
      // A parabola through three points has its lowest one here.
      const [low, middle, high] = [error(0), error(1), error(2)];
      const best = 1 - (high - low) / (2 * (high - 2 * middle + low));
      expect(scales[o]).toBeCloseTo(best, 4);
    }
  });

  it("never raises the error and keeps zeros", async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryProblem, async ({ shape, dense, start, kept, moments }) => {
        const scales = await rowScales({ shape, dense, pruned: start }, inputOf(moments, plainProducts()));
        const scaled = scaleRows(start, scales);
        const energy = errorOf(shape, dense, new Float32Array(dense.length), moments);
        expect(errorOf(shape, dense, scaled, moments)).toBeLessThanOrEqual(
          errorOf(shape, dense, start, moments) + ROUNDING * energy,
        );
        for (const [k, value] of scaled.entries()) if (kept[k] !== 1) expect(value).toBe(0);
      }),
      { numRuns: 200 },
    );
  });
});

describe("norm", () => {
  /** Two layers behind one norm, whose output is γ x̂ + β. */
  function behindNorm(seed: number, tokens: number, channels: number, withAdded: boolean) {
    const random = randomNumbers(seed);
    const hidden = correlatedRows(tokens, channels, random);
    const weight = Float64Array.from({ length: channels }, (_, i) => (i % 5 === 4 ? 0 : 1 + 0.3 * random()));
    const added = Float64Array.from({ length: channels }, () => (withAdded ? 0.3 * random() : 0));
    const through = (factors: Float64Array) =>
      hidden.map((x, k) => {
        const i = k % channels;
        return (factors[i] as number) * ((weight[i] as number) * x + (added[i] as number));
      });
    const readers: NormReader[] = [3, 5].map((out) => {
      const dense = Float32Array.from({ length: out * channels }, random);
      return { shape: { out, in: channels }, dense, pruned: dense.map((w) => (Math.abs(w) > 0.8 ? w : 0)) };
    });
    const ones = new Float64Array(channels).fill(1);
    const errorAt = (factors: Float64Array) =>
      readers.reduce(
        (sum, { shape, dense, pruned }) =>
          sum + distance(outputs(shape, dense, through(ones)), outputs(shape, pruned, through(factors))),
        0,
      );
    const energy = readers.reduce((sum, { shape, dense }) => sum + energyOf(outputs(shape, dense, through(ones))), 0);
    const moments = momentsOf(through(ones), channels);
    return { problem: { readers, moments }, weight, ones, errorAt, energy };
  }

  it.each([false, true])(
    "solves least squares over all layers that read it (with LayerNorm's addend: %s)",
    async (added) => {
      const channels = 12;
      const { problem, ones, errorAt, energy } = behindNorm(7, 90, channels, added);
      const factors = await normFactors(problem, plainProducts());
      // The error is a quadratic form: its matrix and slope from differences, then a dense solve.
      const moved = (...at: number[]) => ones.map((one, i) => one + at.filter((j) => j === i).length);
      const zero = errorAt(ones);
      const single = Array.from(ones, (_, i) => errorAt(moved(i)) - zero);
      const matrix = Array.from(ones, (_, i) =>
        Float64Array.from(
          ones,
          (_, j) => (errorAt(moved(i, j)) - zero - (single[i] as number) - (single[j] as number)) / 2,
        ),
      );
      const slope = Float64Array.from(single, (s, i) => (s - (matrix[i]?.[i] as number)) / 2);
      const step = solveDense(
        matrix,
        slope.map((s) => -s),
      );
      const best = errorAt(ones.map((one, i) => one + (step[i] as number)));
      expect(errorAt(factors)).toBeLessThan(zero * 0.9);
      expect(errorAt(factors) - best).toBeLessThan(1e-5 * energy);
    },
  );

  it("never raises the error, also with fewer tokens than channels, and leaves channels that are always 0", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 2 ** 30 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 12 }),
        fc.boolean(),
        async (seed, tokens, channels, added) => {
          const { problem, weight, ones, errorAt, energy } = behindNorm(seed, tokens, channels, added);
          const factors = await normFactors(problem, plainProducts());
          expect(errorAt(factors)).toBeLessThanOrEqual(errorAt(ones) + ROUNDING * energy);
          for (const [i, factor] of factors.entries()) if (weight[i] === 0 && !added) expect(factor).toBe(1);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("all repairs", () => {
  it("lower the error one after the other, in the order of their table", async () => {
    const { shape, dense, start, kept, rows, moments } = problemOf({
      seed: 9,
      out: 12,
      inputs: 24,
      tokens: 300,
      share: 0.4,
    });
    const input = inputOf(moments, plainProducts());
    const job = {
      label: "w",
      shape,
      values: dense,
      kept,
      grid: null,
      pattern: { kind: "unstructured", sparsity: 0.5, scope: "row" } as const,
    };
    const wanted = outputs(shape, dense, rows);
    const errors = [distance(wanted, outputs(shape, start, rows))];
    const { values } = await repairByLeastSquares(job, { values: start, kept }, input, { damping: 0 });
    errors.push(distance(wanted, outputs(shape, values, rows)));
    const scaled = scaleRows(values, await rowScales({ shape, dense, pruned: values }, input));
    errors.push(distance(wanted, outputs(shape, scaled, rows)));
    const factors = await normFactors({ readers: [{ shape, dense, pruned: scaled }], moments }, plainProducts());
    const changed = rows.map((x, k) => x * (factors[k % shape.in] as number));
    errors.push(distance(wanted, outputs(shape, scaled, changed)));
    const shift = biasShift({
      shape,
      dense,
      pruned: scaled,
      mean: meanOf(moments),
      prunedMean: meanOf(momentsOf(changed, shape.in)),
    });
    errors.push(distance(wanted, outputs(shape, scaled, changed, shift)));
    for (const [k, error] of errors.entries())
      if (k > 0) expect(error).toBeLessThanOrEqual((errors[k - 1] as number) + ROUNDING * energyOf(wanted));
    expect(errors.at(-1)).toBeLessThan((errors[0] as number) * 0.7);
  });
});
