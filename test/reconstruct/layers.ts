/** Layers for tests of weight updates: weights, what enters them, and a definition of the layer error to hold them to. */
import { plainProducts } from "../../src/linalg/plain-products.js";
import { packedIndex, type SecondMoments } from "../../src/linalg/second-moments.js";
import type { Pattern } from "../../src/pattern/index.js";
import type { WeightJob } from "../../src/reconstruct/job.js";
import { LayerInput } from "../../src/reconstruct/layer-input.js";
import { randomNumbers } from "../helpers/quantised.js";

/** Sums over rows of activations, [tokens][in]. */
export function momentsOf(activations: readonly (readonly number[])[]): SecondMoments {
  const channels = activations[0]?.length ?? 0;
  const sum = new Float64Array(channels);
  const packed = new Float64Array((channels * (channels + 1)) / 2);
  for (const row of activations)
    for (let i = 0; i < channels; i++) {
      sum[i] = (sum[i] as number) + (row[i] as number);
      for (let j = i; j < channels; j++) {
        const k = packedIndex(channels, i, j);
        packed[k] = (packed[k] as number) + (row[i] as number) * (row[j] as number);
      }
    }
  return { channels, tokens: activations.length, sum, packed };
}

/** A layer's input in plain loops. */
export const inputOf = (activations: readonly (readonly number[])[], damping = 0.01): LayerInput =>
  new LayerInput(momentsOf(activations), plainProducts(), { damping, label: "layer" });

/** Random activations of a few directions and some noise, with means that are not 0, [tokens][in]. */
export function correlated(seed: number, tokens: number, channels: number): number[][] {
  const random = randomNumbers(seed);
  const directions = Math.max(1, channels >> 2);
  const mix = Array.from({ length: directions * channels }, () => random() * 2 - 1);
  const means = Array.from({ length: channels }, () => random() - 0.3);
  return Array.from({ length: tokens }, () => {
    const factors = Array.from({ length: directions }, () => random() * 2 - 1);
    return means.map(
      (mean, i) =>
        factors.reduce((x, factor, d) => x + factor * (mix[d * channels + i] as number), mean) + random() - 0.5,
    );
  });
}

/** Random weights, [out, in]. */
export function weights(seed: number, out: number, channels: number): Float32Array {
  const random = randomNumbers(seed);
  return Float32Array.from({ length: out * channels }, () => random() * 2 - 1);
}

/** A job of float weights. */
export function jobOf(
  values: Float32Array,
  channels: number,
  pattern: Pattern,
  kept: Uint8Array | null = null,
): WeightJob {
  const shape = { out: values.length / channels, in: channels };
  return { label: "weight", shape, values, pattern, kept, grid: null };
}

/** The mask that magnitude gives, as the pattern says; groups of N:M are consecutive. */
export function byMagnitude(values: Float32Array, channels: number, pattern: Pattern): Uint8Array {
  const kept = new Uint8Array(values.length).fill(1);
  const [group, goes] =
    pattern.kind === "n:m"
      ? [pattern.of, pattern.of - pattern.keep]
      : pattern.scope === "row"
        ? [channels, Math.floor(channels * pattern.sparsity)]
        : [values.length, Math.floor(values.length * pattern.sparsity)];
  for (let start = 0; start < values.length; start += group)
    Array.from({ length: group }, (_, k) => start + k)
      .sort((a, b) => Math.abs(values[a] as number) - Math.abs(values[b] as number) || a - b)
      .slice(0, goes)
      .forEach((k) => {
        kept[k] = 0;
      });
  return kept;
}

/** Σ over tokens and output rows of ((W − W') x)², by its definition. */
export function squaredError(
  values: Float32Array,
  updated: Float32Array,
  activations: readonly (readonly number[])[],
): number {
  const channels = activations[0]?.length ?? 0;
  let sum = 0;
  for (let start = 0; start < values.length; start += channels)
    for (const row of activations) {
      const output = row.reduce(
        (y, x, i) => y + x * ((values[start + i] as number) - (updated[start + i] as number)),
        0,
      );
      sum += output * output;
    }
  return sum;
}
