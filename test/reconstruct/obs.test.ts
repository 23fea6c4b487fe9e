/** SparseGPT's update against a PyTorch routine, and what holds for any layer. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Pattern, prunedCount } from "../../src/pattern/index.js";
import type { WeightJob } from "../../src/reconstruct/job.js";
import { obs, roundOntoGrid } from "../../src/reconstruct/obs.js";
import { byMagnitude, correlated, inputOf, jobOf, squaredError, weights } from "./layers.js";

/** What scripts/make-sparsegpt-fixture.py writes. */
interface Fixture {
  readonly in: number;
  readonly blockSize: number;
  readonly weight: readonly (readonly number[])[];
  readonly activations: readonly (readonly number[])[];
  readonly cases: readonly {
    readonly name: string;
    readonly kept: readonly string[];
    readonly values: readonly (readonly number[])[];
  }[];
}

const fixture: Fixture = JSON.parse(readFileSync(new URL("../fixtures/sparsegpt.json", import.meta.url), "utf8"));
const values = Float32Array.from(fixture.weight.flat(), (whole) => whole / 64);
const activations = fixture.activations.map((row) => row.map((whole) => whole / 8));
const share = (sparsity: number, scope: "row" | "matrix" = "matrix"): Pattern => ({
  ...{ kind: "unstructured", sparsity, scope },
});
const groups = (keep: number, of: number): Pattern => ({ kind: "n:m", keep, of, permute: false });
const quarter = { roundChannel: roundTo(0.25) };

/** A grid of signed codes of four bits, the same for all channels. */
function roundTo(step: number) {
  return (_: number, channel: Float32Array) => {
    for (const [o, value] of channel.entries()) channel[o] = Math.max(-8, Math.min(7, Math.round(value / step))) * step;
  };
}

describe("SparseGPT's update", () => {
  const caseOf = (name: string) => {
    const found = fixture.cases.find((each) => each.name === name) as Fixture["cases"][number];
    return { kept: Uint8Array.from(found.kept.join("")), values: Float32Array.from(found.values.flat()) };
  };

  it.each([
    ["50%", share(0.5)],
    ["75%", share(0.75)],
    ["2:4", groups(2, 4)],
    ["3:8", groups(3, 8)],
  ])("chooses the masks and values of the PyTorch routine at %s", async (name, pattern) => {
    const expected = caseOf(name);
    const result = await obs(jobOf(values, fixture.in, pattern), inputOf(activations), fixture);
    expect(result.kept).toEqual(expected.kept);
    expectClose(result.values, expected.values);
  });

  it.each([
    ["given", null],
    ["given, on a grid", quarter],
  ])("gives the values of the PyTorch routine under a mask that is %s", async (name, grid) => {
    const expected = caseOf(name);
    const job: WeightJob = { ...jobOf(values, fixture.in, share(0.6), expected.kept), grid };
    const result = await obs(job, inputOf(activations), fixture);
    expect(result.kept).toEqual(expected.kept);
    expectClose(result.values, expected.values);
  });
});

/** Within rounding of float32, relative to the largest. */
function expectClose(found: Float32Array, expected: Float32Array): void {
  const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const worst = found.reduce((most, value, k) => Math.max(most, Math.abs(value - (expected[k] as number))), 0);
  expect(worst / scale).toBeLessThan(1e-4);
}

const anyLayer = fc.record({
  seed: fc.nat(1e6),
  out: fc.integer({ min: 1, max: 9 }),
  groups: fc.integer({ min: 1, max: 9 }),
  pattern: fc.oneof(
    fc.record({
      kind: fc.constant("unstructured" as const),
      sparsity: fc.integer({ min: 0, max: 20 }).map((twentieths) => twentieths / 20),
      scope: fc.constantFrom("row" as const, "matrix" as const),
    }),
    fc.integer({ min: 2, max: 20 }).chain((of) =>
      fc.record({
        ...{ kind: fc.constant("n:m" as const), keep: fc.integer({ min: 1, max: of }), of: fc.constant(of) },
        permute: fc.constant(false),
      }),
    ),
  ) satisfies fc.Arbitrary<Pattern>,
  blockSize: fc.integer({ min: 1, max: 50 }),
  hasDead: fc.boolean(),
});

describe("any layer", () => {
  it("gets exactly the zeros of its pattern, in every group, and zeros where the mask has them", async () => {
    await fc.assert(
      fc.asyncProperty(anyLayer, async ({ seed, out, groups: count, pattern, blockSize, hasDead }) => {
        const channels = pattern.kind === "n:m" ? count * pattern.of : count * 7;
        const samples = correlated(seed, 2 * channels, channels);
        if (hasDead) for (const row of samples) row[seed % channels] = 0;
        const job = jobOf(weights(seed, out, channels), channels, pattern);
        const result = await obs(job, inputOf(samples), { blockSize });
        const zeros = (kept: Uint8Array) => kept.reduce((sum, each) => sum + Number(each === 0), 0);
        expect(zeros(result.kept)).toBe(prunedCount(pattern, job.shape));
        const group = pattern.kind === "n:m" ? pattern.of : pattern.scope === "row" ? channels : result.kept.length;
        for (let k = 0; k < result.kept.length; k += group)
          expect(zeros(result.kept.subarray(k, k + group))).toBe(
            (prunedCount(pattern, job.shape) * group) / result.kept.length,
          );
        result.kept.forEach((stays, k) => {
          if (stays === 0) expect(Object.is(result.values[k], 0)).toBe(true);
        });
        if (hasDead)
          for (let k = seed % channels; k < result.values.length; k += channels) expect(result.values[k]).toBe(0);
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it("loses less than by the mask alone, and no more with a mask of the update's own than with magnitude's", async () => {
    for (const pattern of [share(0.5), share(0.5, "row"), groups(2, 4), groups(5, 20)]) {
      const [channels, samples] = [80, correlated(3, 400, 80)];
      const dense = weights(4, 24, channels);
      const kept = byMagnitude(dense, channels, pattern);
      const lossOf = (updated: Float32Array) => squaredError(dense, updated, samples);
      const masked = lossOf(dense.map((value, k) => value * (kept[k] as number)));
      const input = inputOf(samples);
      const given = lossOf((await obs(jobOf(dense, channels, pattern, kept), input, { blockSize: 32 })).values);
      const own = lossOf((await obs(jobOf(dense, channels, pattern), input, { blockSize: 32 })).values);
      expect(given).toBeLessThan(0.85 * masked);
      expect(own).toBeLessThan(0.7 * given);
    }
  });

  it("is changed by nothing where nothing goes", async () => {
    const dense = weights(5, 6, 40);
    const result = await obs(jobOf(dense, 40, share(0)), inputOf(correlated(6, 90, 40)), { blockSize: 128 });
    expect(result.values).toEqual(dense);
  });
});

describe("a weight that is rounded onto its grid", () => {
  const [channels, samples] = [64, correlated(7, 300, 64)];
  const dense = weights(8, 16, channels);
  const kept = byMagnitude(dense, channels, groups(2, 4));
  const step = 1 / 8;
  const job: WeightJob = { ...jobOf(dense, channels, groups(2, 4), kept), grid: { roundChannel: roundTo(step) } };

  it("has only values of the grid, and loses less than by rounding each value", async () => {
    const input = inputOf(samples);
    const updated = (await obs({ ...job, grid: null }, input, { blockSize: 128 })).values;
    const nearest = updated.slice();
    roundTo(step)(0, nearest);
    const rounded = await roundOntoGrid(job, updated, kept, input);
    for (const value of rounded.values) expect(value / step).toBe(Math.round(value / step));
    expect(rounded.kept).toEqual(kept);
    expect(squaredError(updated, rounded.values, samples)).toBeLessThan(0.8 * squaredError(updated, nearest, samples));
  });

  it("stays as it is where it has no grid", async () => {
    expect((await roundOntoGrid({ ...job, grid: null }, dense, kept, inputOf(samples))).values).toBe(dense);
  });
});

describe("a job that makes no sense", () => {
  const input = inputOf(correlated(9, 20, 8));

  it("names the weight, the row and the channel of a value that is not finite", async () => {
    const broken = weights(10, 2, 8);
    broken[11] = Number.NaN;
    await expect(obs(jobOf(broken, 8, share(0.5)), input, { blockSize: 128 })).rejects.toThrow(
      'Weight "weight" has the value NaN at output row 1, input channel 3',
    );
  });

  it("is refused where a mask would have to be chosen in permuted groups", async () => {
    const pattern: Pattern = { kind: "n:m", keep: 2, of: 4, permute: true };
    await expect(obs(jobOf(weights(11, 2, 8), 8, pattern), input, { blockSize: 128 })).rejects.toMatchObject({
      code: "unsupported",
    });
  });
});
