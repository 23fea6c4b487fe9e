import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plainProducts } from "../../src/linalg/plain-products.js";
import { type Pattern, prunedCount } from "../../src/pattern/index.js";
import { ADMM_DEFAULTS, admm } from "../../src/reconstruct/admm.js";
import type { WeightJob } from "../../src/reconstruct/job.js";
import { LayerInput } from "../../src/reconstruct/layer-input.js";
import { obs } from "../../src/reconstruct/obs.js";
import { errorOf, type Problem, problemOf } from "./problems.js";

const rival = async (job: WeightJob, input: LayerInput) => await obs(job, input, { blockSize: 128 });
const SETTINGS = { ...ADMM_DEFAULTS, rival };

const inputOf = ({ moments }: Problem) => new LayerInput(moments, plainProducts(), { damping: 0.01, label: "w" });
const jobOf = ({ shape, dense }: Problem, pattern: Pattern, kept: Uint8Array | null = null): WeightJob => ({
  label: "w",
  shape,
  values: dense,
  pattern,
  kept,
  grid: null,
});
const ones = (kept: Uint8Array) => kept.reduce((sum, k) => sum + k, 0);

const byRow = (sparsity: number): Pattern => ({ kind: "unstructured", sparsity, scope: "row" });
const byMatrix = (sparsity: number): Pattern => ({ kind: "unstructured", sparsity, scope: "matrix" });
const nm = (keep: number, of: number, permute = false): Pattern => ({ kind: "n:m", keep, of, permute });

describe("ADMM", () => {
  it.each([
    ["50% by row", byRow(0.5)],
    ["70% by matrix", byMatrix(0.7)],
    ["2:4", nm(2, 4)],
    ["1:3", nm(1, 3)],
  ])("has far less error than SparseGPT at %s", async (_, pattern) => {
    const problem = problemOf({ seed: 11, out: 32, inputs: 48, tokens: 300, share: 1 });
    const job = jobOf(problem, pattern);
    const greedy = await rival(job, inputOf(problem));
    const { values, kept, rivalRows } = await admm(job, inputOf(problem), SETTINGS);
    const error = (of: Float32Array) => errorOf(problem.shape, problem.dense, of, problem.moments);
    expect(error(values)).toBeLessThan(0.85 * error(greedy.values));
    expect(ones(kept)).toBe(values.length - prunedCount(pattern, problem.shape));
    expect(rivalRows).toBeLessThan(8);
  });

  it("prunes exactly as many as the pattern says and never has more error than its rival, in any row that it chose", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 2 ** 30 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 30 }),
        fc.constantFrom(byRow(0.5), byRow(0.85), byMatrix(0.3), nm(2, 4), nm(1, 2), nm(3, 4)),
        fc.integer({ min: 0, max: 3 }),
        async (seed, out, fours, tokens, pattern, dead) => {
          const problem = problemOf({ seed, out, inputs: 4 * fours, tokens, share: 1, dead });
          const job = jobOf(problem, pattern);
          const input = inputOf(problem);
          const greedy = await rival(job, input);
          const { values, kept } = await admm(job, input, SETTINGS);
          expect(ones(kept)).toBe(values.length - prunedCount(pattern, problem.shape));
          for (const [k, value] of values.entries()) if (kept[k] !== 1) expect(value).toBe(0);
          const error = (of: Float32Array) => errorOf(problem.shape, problem.dense, of, problem.moments);
          const energy = error(new Float32Array(values.length));
          expect(error(values)).toBeLessThanOrEqual(error(greedy.values) + 1e-6 * energy);
          if (pattern.kind !== "n:m") return;
          for (let k = 0; k < kept.length; k += pattern.of)
            expect(ones(kept.subarray(k, k + pattern.of))).toBe(pattern.keep);
        },
      ),
      { numRuns: 100 },
    );
  });

  it("begins with the method's mask where it is given", async () => {
    const problem = problemOf({ seed: 12, out: 16, inputs: 32, tokens: 200, share: 1 });
    const pattern = nm(2, 4);
    const kept = Uint8Array.from(problem.dense, (_, k) => (k % 4 < 2 ? 1 : 0));
    const job = jobOf(problem, pattern, kept);
    const error = (of: Float32Array) => errorOf(problem.shape, problem.dense, of, problem.moments);
    const under = await rival(job, inputOf(problem));
    const still = await admm(job, inputOf(problem), { ...SETTINGS, penalties: [] });
    const moved = await admm(job, inputOf(problem), SETTINGS);
    expect(still.kept).toEqual(kept);
    expect(error(still.values)).toBeLessThanOrEqual(error(under.values));
    expect(error(moved.values)).toBeLessThan(0.7 * error(still.values));
  });

  it("moves only values under a permuted mask, whose groups it cannot know", async () => {
    const problem = problemOf({ seed: 13, out: 8, inputs: 16, tokens: 80, share: 1 });
    const kept = Uint8Array.from(problem.dense, (_, k) => (k % 16 < 8 ? 1 : 0));
    const result = await admm(jobOf(problem, nm(2, 4, true), kept), inputOf(problem), SETTINGS);
    expect(result.kept).toEqual(kept);
    await expect(admm(jobOf(problem, nm(2, 4, true)), inputOf(problem), SETTINGS)).rejects.toThrow(/permute/);
  });

  it("stops when its signal is aborted", async () => {
    const problem = problemOf({ seed: 14, out: 8, inputs: 16, tokens: 80, share: 1 });
    const controller = new AbortController();
    const input = new LayerInput(problem.moments, plainProducts(), {
      damping: 0.01,
      label: "w",
      signal: controller.signal,
    });
    const abort = async (job: WeightJob) => {
      controller.abort(new Error("enough"));
      return { values: job.values.map(() => 0), kept: new Uint8Array(job.values.length) };
    };
    await expect(admm(jobOf(problem, byRow(0.5)), input, { ...SETTINGS, rival: abort })).rejects.toThrow("enough");
  });
});
