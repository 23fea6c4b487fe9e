import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plainProducts } from "../../src/linalg/plain-products.js";
import { leastSquares } from "../../src/reconstruct/least-squares.js";
import { arbitraryProblem, errorOf, inputOf, type Problem, problemOf, solveDense } from "./problems.js";

const EXACT = { damping: 0, iterations: 200, tolerance: 0 };

/** Every row by itself, by elimination. */
function solveRows({ shape, dense, kept, moments }: Problem, shift: number): Float32Array {
  const g = inputOf(moments, plainProducts()).product().values;
  const values = new Float32Array(dense.length);
  for (let o = 0; o < shape.out; o++) {
    const support = Array.from({ length: shape.in }, (_, i) => i).filter((i) => kept[o * shape.in + i] === 1);
    const at = (i: number, j: number) => (g[i * shape.in + j] as number) + (i === j ? shift : 0);
    const right = support.map((i) => {
      let sum = 0;
      for (let j = 0; j < shape.in; j++) sum += at(i, j) * (dense[o * shape.in + j] as number);
      return sum;
    });
    const solution = solveDense(
      support.map((i) => Float64Array.from(support, (j) => at(i, j))),
      Float64Array.from(right),
    );
    support.forEach((i, k) => {
      values[o * shape.in + i] = solution[k] as number;
    });
  }
  return values;
}

const errorsOf = (problem: Problem, values: Float32Array) =>
  errorOf(problem.shape, problem.dense, values, problem.moments);

describe("least squares under a mask", () => {
  it("reaches the error of a dense solve of every row", async () => {
    const problem = problemOf({ seed: 1, out: 24, inputs: 48, tokens: 400, share: 0.5 });
    const best = errorsOf(problem, solveRows(problem, 0));
    const { values, after } = await leastSquares(problem, inputOf(problem.moments, plainProducts()), EXACT);
    const error = errorsOf(problem, values);
    expect(error).toBeLessThan(best * (1 + 1e-5));
    expect(error).toBeLessThan(errorsOf(problem, problem.start) * 0.8);
    expect(after.reduce((a, b) => a + b)).toBeCloseTo(error, 2);
  });

  it("minimises the damped objective where damping is asked for", async () => {
    const problem = problemOf({ seed: 2, out: 8, inputs: 32, tokens: 20, share: 0.6 });
    const input = inputOf(problem.moments, plainProducts());
    const g = input.product().values;
    const shift = (0.01 * Array.from({ length: 32 }, (_, i) => g[i * 33] as number).reduce((a, b) => a + b)) / 32;
    const exact = solveRows(problem, shift);
    const { values } = await leastSquares(problem, input, { ...EXACT, damping: 0.01 });
    for (const [k, value] of values.entries()) expect(value).toBeCloseTo(exact[k] as number, 2);
  });

  it("never raises the error of any row, moves no pruned weight and no weight of a dead channel", async () => {
    await fc.assert(
      fc.asyncProperty(
        arbitraryProblem,
        fc.constantFrom(0, 0.01, 1),
        fc.integer({ min: 0, max: 30 }),
        async (problem, damping, iterations) => {
          const { shape, dense, start, kept, moments } = problem;
          const options = { damping, iterations, tolerance: 0 };
          const { values } = await leastSquares(problem, inputOf(moments, plainProducts()), options);
          const one = { out: 1, in: shape.in };
          for (let o = 0; o < shape.out; o++) {
            const row = (of: Float32Array) => of.subarray(o * shape.in, (o + 1) * shape.in);
            const full = errorOf(one, row(dense), new Float32Array(shape.in), moments);
            const [was, is] = [start, values].map((of) => errorOf(one, row(dense), row(of), moments));
            expect(is).toBeLessThanOrEqual((was as number) + 1e-6 * full);
          }
          for (const [k, value] of values.entries()) if (kept[k] !== 1) expect(value).toBe(0);
          if (damping === 0)
            for (let i = 0; i < shape.in; i++)
              if (moments.packed[i * shape.in - (i * (i - 1)) / 2] === 0)
                for (let o = 0; o < shape.out; o++) expect(values[o * shape.in + i]).toBe(start[o * shape.in + i]);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("stops early where the rows are done, and says how many products it took", async () => {
    const problem = problemOf({ seed: 3, out: 12, inputs: 24, tokens: 200, share: 0.5 });
    const input = inputOf(problem.moments, plainProducts());
    const solved = await leastSquares(problem, input, { damping: 0, iterations: 500, tolerance: 1e-4 });
    expect(solved.products).toBeLessThan(40);
    const again = await leastSquares({ ...problem, start: solved.values }, input, {
      damping: 0,
      iterations: 500,
      tolerance: 1e-4,
    });
    expect(again.products).toBeLessThan(8);
  });
});
