import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PruneError } from "../../src/errors.js";
import { inverseFactor } from "../../src/linalg/inverse-factor.js";
import { plainProducts } from "../../src/linalg/plain-products.js";
import type { Dense } from "../../src/linalg/products.js";
import { fullProduct, packedIndex, type SecondMoments } from "../../src/linalg/second-moments.js";
import { openProducts } from "../../src/runtime/index.js";
import { distance, randomMatrix } from "../helpers/matrices.js";
import { testRuntime } from "../helpers/runtime.js";

const products = plainProducts();
const label = "model.layers.0.mlp.up_proj";

/** Second moments of `tokens` random activations, those of `silent` channels being 0. */
function momentsOf(channels: number, tokens: number, silent: readonly number[] = []): SecondMoments {
  const x = randomMatrix(tokens, channels, channels).values.map((value, k) =>
    silent.includes(k % channels) ? 0 : value,
  );
  const packed = new Float64Array((channels * (channels + 1)) / 2);
  for (let t = 0; t < tokens; t++)
    for (let i = 0, k = 0; i < channels; i++)
      for (let j = i; j < channels; j++, k++)
        packed[k] = (packed[k] as number) + (x[t * channels + i] as number) * (x[t * channels + j] as number);
  return { channels, tokens, sum: new Float64Array(channels), packed };
}

/** H as SparseGPT has it: dead channels count as 1, and a share of the mean diagonal is added to the diagonal. */
function damped({ channels, packed }: SecondMoments, damping: number): Dense<Float64Array> {
  const values = fullProduct({ channels, packed }, new Float64Array(channels ** 2));
  const at = Array.from({ length: channels }, (_, i) => i * (channels + 1));
  for (const k of at) values[k] ||= 1;
  const mean = at.reduce((sum, k) => sum + (values[k] as number), 0) / channels;
  for (const k of at) values[k] = (values[k] as number) + damping * mean;
  return { rows: channels, columns: channels, values };
}

const identity = (size: number): Dense<Float64Array> => ({
  rows: size,
  columns: size,
  values: Float64Array.from({ length: size * size }, (_, k) => (k % (size + 1) === 0 ? 1 : 0)),
});

describe("the factor of an inverse Hessian", () => {
  it("is upper triangular, and its product with itself times H is the identity, whatever the size and dead channels", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 150 }),
        fc.uniqueArray(fc.nat(149), { maxLength: 5 }),
        fc.constantFrom(0.01, 0.1),
        async (channels, silent, damping) => {
          const moments = momentsOf(channels, 2 * channels, silent);
          const { upper, dead, damping: used } = await inverseFactor(moments, { damping, label }, products);
          const u = { ...upper, values: Float64Array.from(upper.values) };
          for (let i = 0; i < channels; i++)
            expect(u.values.subarray(i * channels, i * channels + i).every((value) => value === 0)).toBe(true);
          const inverse = await products.multiply(u, u, { transposeA: true });
          const found = await products.multiply(inverse, damped(moments, damping));
          expect(distance(found, identity(channels))).toBeLessThan(1e-4);
          expect(Array.from(dead)).toEqual(Array.from(dead, (_, j) => Number(silent.includes(j))));
          expect(used).toBe(damping);
        },
      ),
      { numRuns: 25 },
    );
  });

  it("has in the inverse of its diagonal's square what the channels after a channel cannot explain of it", async () => {
    // Σ x xᵀ = [[2, 1], [1, 2]]: of channel 0 there remains 2 − 1 · 1 / 2 beside channel 1, of channel 1 all.
    const moments = { channels: 2, tokens: 3, sum: new Float64Array(2), packed: Float64Array.of(2, 1, 2) };
    const { upper } = await inverseFactor(moments, { damping: 0, label }, products);
    expect(1 / (upper.values[0] as number) ** 2).toBeCloseTo(1.5, 6);
    expect(1 / (upper.values[3] as number) ** 2).toBeCloseTo(2, 6);
  });

  it("is the same by the runtime's kernels, in tiles of all sizes", async () => {
    const moments = momentsOf(300, 320);
    const runtime = openProducts(testRuntime(), {});
    const options = { damping: 0.01, label };
    const found = await inverseFactor(moments, options, runtime).finally(() => runtime.release());
    expect(distance(found.upper, (await inverseFactor(moments, options, products)).upper)).toBeLessThan(1e-6);
  });

  it("raises damping tenfold where there are fewer tokens than channels, and says what it used", async () => {
    const found = await inverseFactor(momentsOf(20, 5), { damping: 0, label }, products);
    expect(found.damping).toBe(1e-6);
    expect(found.upper.values.every(Number.isFinite)).toBe(true);
    expect((await inverseFactor(momentsOf(20, 5), { damping: 0.01, label }, products)).damping).toBe(0.01);
  });

  it("names the weight and the channel where moments are not finite or no second moments at all", async () => {
    const moments = momentsOf(6, 12);
    for (const [row, column, channel] of [
      [4, 4, 4],
      [1, 3, 1],
    ] as const) {
      const packed = moments.packed.slice();
      packed[packedIndex(6, row, column)] = Number.NaN;
      const failed = inverseFactor({ ...moments, packed }, { damping: 0.01, label }, products);
      await expect(failed).rejects.toThrow(`"${label}" are not finite at channel ${channel}`);
      await expect(failed).rejects.toBeInstanceOf(PruneError);
    }
    // x₀x₁ exceeds what x₀² and x₁² allow.
    const impossible = { channels: 2, tokens: 1, sum: new Float64Array(2), packed: Float64Array.of(1, 9, 1) };
    await expect(inverseFactor(impossible, { damping: 0.01, label }, products)).rejects.toMatchObject({
      code: "bad-statistics",
      details: { weight: label, channel: 0, damping: 1 },
    });
  });

  it("stops when it is told to", async () => {
    const stop = new AbortController();
    stop.abort(new Error("enough"));
    const failed = inverseFactor(momentsOf(10, 20), { damping: 0.01, label, signal: stop.signal }, products);
    await expect(failed).rejects.toThrow("enough");
  });
});
