/** Updates that leave weights as they are and exchange kept for pruned ones: SparseSwaps and DSnoT. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Pattern } from "../../src/pattern/index.js";
import { DEFAULT_PARAMETERS, RECONSTRUCTIONS } from "../../src/reconstruct/index.js";
import { byMagnitude, correlated, inputOf, jobOf, squaredError, weights } from "./layers.js";

const patterns: fc.Arbitrary<Pattern> = fc.oneof(
  fc.record({
    kind: fc.constant("unstructured" as const),
    sparsity: fc.integer({ min: 0, max: 10 }).map((tenths) => tenths / 10),
    scope: fc.constantFrom("row" as const, "matrix" as const),
  }),
  fc
    .constantFrom([2, 4], [1, 4], [3, 6], [12, 12])
    .map(([keep = 1, of = 1]) => ({ kind: "n:m" as const, keep, of, permute: false })),
);
const layers = fc.record({
  seed: fc.nat(1e6),
  out: fc.integer({ min: 1, max: 5 }),
  channels: fc.constantFrom(12, 24, 36),
  tokens: fc.integer({ min: 3, max: 90 }),
  pattern: patterns,
  hasDead: fc.boolean(),
});
const check = { seed: 1, numRuns: 80 };

interface Layer {
  readonly seed: number;
  readonly out: number;
  readonly channels: number;
  readonly tokens: number;
  readonly pattern: Pattern;
  readonly hasDead: boolean;
}

function layerOf({ seed, out, channels, tokens, pattern, hasDead }: Layer) {
  const samples = correlated(seed, tokens, channels);
  if (hasDead) for (const row of samples) row[seed % channels] = 0;
  const dense = weights(seed + 1, out, channels);
  const kept = byMagnitude(dense, channels, pattern);
  return { samples, dense, kept, job: jobOf(dense, channels, pattern, kept), input: inputOf(samples) };
}

describe.each(["swaps", "dsnot"] as const)("the update by %s", (name) => {
  it("leaves weights as they are and keeps as many in every row and group", async () => {
    const update = await RECONSTRUCTIONS[name].load();
    await fc.assert(
      fc.asyncProperty(layers, async (layer) => {
        const { dense, kept, job, input } = layerOf(layer);
        const result = await update(job, input, { ...DEFAULT_PARAMETERS, threshold: 0 });
        expect(result.values).toEqual(dense.map((value, k) => value * (result.kept[k] as number) + 0));
        const size = layer.pattern.kind === "n:m" ? layer.pattern.of : layer.channels;
        const countsOf = (mask: Uint8Array) =>
          Array.from({ length: mask.length / size }, (_, g) =>
            mask.subarray(g * size, (g + 1) * size).reduce((sum, each) => sum + each, 0),
          );
        expect(countsOf(result.kept)).toEqual(countsOf(kept));
        expect(job.kept).toEqual(kept);
      }),
      check,
    );
  });

  it("needs a mask to start from, and groups of consecutive channels", async () => {
    const update = await RECONSTRUCTIONS[name].load();
    const pattern: Pattern = { kind: "n:m", keep: 2, of: 4, permute: true };
    const { job, input } = layerOf({ seed: 1, out: 2, channels: 12, tokens: 20, pattern, hasDead: false });
    await expect(update(job, input, DEFAULT_PARAMETERS)).rejects.toMatchObject({ code: "unsupported" });
    const plain: Pattern = { ...pattern, permute: false };
    await expect(update({ ...job, pattern: plain, kept: null }, input, DEFAULT_PARAMETERS)).rejects.toThrow("no mask");
  });
});

describe("SparseSwaps", () => {
  it("makes the exchanges that looking at all pairs would make", async () => {
    const swaps = await RECONSTRUCTIONS.swaps.load();
    await fc.assert(
      fc.asyncProperty(layers, fc.integer({ min: 1, max: 8 }), async (layer, rounds) => {
        const { samples, dense, kept, job, input } = layerOf(layer);
        const result = await swaps(job, input, { ...DEFAULT_PARAMETERS, rounds });
        const size = layer.pattern.kind === "n:m" ? layer.pattern.of : layer.channels;
        const expected = kept.slice();
        for (let o = 0; o < layer.out; o++)
          exchange(dense.subarray(o * layer.channels), expected.subarray(o * layer.channels), samples, size, rounds);
        const lossOf = (mask: Uint8Array) =>
          squaredError(
            dense,
            dense.map((value, k) => value * (mask[k] as number)),
            samples,
          );
        // Where two exchanges are as good, either may be made.
        expect(lossOf(result.kept)).toBeCloseTo(lossOf(expected), 4);
        expect(lossOf(result.kept)).toBeLessThanOrEqual(lossOf(kept) * (1 + 1e-6));
      }),
      check,
    );
  });

  it("lowers the error of magnitude's mask by far where channels go together", async () => {
    const swaps = await RECONSTRUCTIONS.swaps.load();
    for (const pattern of [
      { kind: "n:m", keep: 2, of: 4, permute: false },
      { kind: "unstructured", sparsity: 0.5, scope: "row" },
    ] as const) {
      const layer = { seed: 7, out: 16, channels: 96, tokens: 300, pattern, hasDead: false };
      const { samples, dense, kept, job, input } = layerOf(layer);
      const result = await swaps(job, input, DEFAULT_PARAMETERS);
      const before = squaredError(
        dense,
        dense.map((value, k) => value * (kept[k] as number)),
        samples,
      );
      expect(squaredError(dense, result.values, samples)).toBeLessThan(0.6 * before);
    }
  });
});

/** Best exchanges of one row, each pair's error computed by the definition. @param kept changed */
function exchange(
  values: Float32Array,
  kept: Uint8Array,
  samples: readonly (readonly number[])[],
  size: number,
  rounds: number,
): void {
  const channels = samples[0]?.length ?? 0;
  const lost = samples.map((row) =>
    row.reduce((y, x, j) => y + (1 - (kept[j] as number)) * x * (values[j] as number), 0),
  );
  const least = 1e-6 * lost.reduce((sum, y) => sum + y * y, 0);
  for (let round = 0; round < rounds; round++) {
    const pairs = Array.from({ length: channels }, (_, u) => u).flatMap((u) =>
      kept[u] === 0
        ? []
        : Array.from({ length: size }, (_, k) => u - (u % size) + k)
            .filter((p) => kept[p] === 0)
            .map((p) => {
              const change = samples.map(
                (row) => (row[u] as number) * (values[u] as number) - (row[p] as number) * (values[p] as number),
              );
              const gain = change.reduce((sum, y, t) => sum + y * (y + 2 * (lost[t] as number)), 0);
              return { u, p, change, gain };
            }),
    );
    const best = pairs.reduce<(typeof pairs)[number] | null>(
      (lowest, each) => (each.gain < (lowest?.gain ?? -least) ? each : lowest),
      null,
    );
    if (best === null) return;
    kept[best.u] = 0;
    kept[best.p] = 1;
    best.change.forEach((y, t) => {
      lost[t] = (lost[t] as number) + y;
    });
  }
}

describe("DSnoT", () => {
  /** The mean output that each row has lost. */
  const lostOf = (dense: Float32Array, kept: Uint8Array, samples: readonly (readonly number[])[]) => {
    const channels = samples[0]?.length ?? 0;
    const means = Array.from({ length: channels }, (_, j) =>
      samples.reduce((sum, row) => sum + (row[j] as number) / samples.length, 0),
    );
    return Array.from({ length: dense.length / channels }, (_, o) =>
      means.reduce((sum, mean, j) => {
        const k = o * channels + j;
        return sum + (1 - (kept[k] as number)) * mean * (dense[k] as number);
      }, 0),
    );
  };

  it("never makes the lost mean output of a row larger, and mostly makes it smaller", async () => {
    const dsnot = await RECONSTRUCTIONS.dsnot.load();
    let [before, after] = [0, 0];
    await fc.assert(
      fc.asyncProperty(layers, async (layer) => {
        const { samples, dense, kept, job, input } = layerOf(layer);
        const result = await dsnot(job, input, { ...DEFAULT_PARAMETERS, threshold: 0 });
        const found = lostOf(dense, result.kept, samples);
        lostOf(dense, kept, samples).forEach((lost, o) => {
          expect(Math.abs(found[o] as number)).toBeLessThanOrEqual(Math.abs(lost) + 1e-6);
          before += Math.abs(lost);
          after += Math.abs(found[o] as number);
        });
      }),
      check,
    );
    expect(after).toBeLessThan(0.5 * before);
  });

  it("leaves rows alone whose loss is below the threshold", async () => {
    const dsnot = await RECONSTRUCTIONS.dsnot.load();
    const pattern = { kind: "unstructured", sparsity: 0.5, scope: "row" } as const;
    const { kept, job, input } = layerOf({ seed: 3, out: 8, channels: 36, tokens: 50, pattern, hasDead: false });
    expect((await dsnot(job, input, { ...DEFAULT_PARAMETERS, threshold: 1e6 })).kept).toEqual(kept);
  });
});
