/** The layer error from moments, against its definition; and what is said of an abort. */
import { expect, it } from "vitest";
import { DEFAULT_PARAMETERS, LayerInput, layerError, RECONSTRUCTIONS } from "../../src/reconstruct/index.js";
import { byMagnitude, correlated, inputOf, jobOf, squaredError, weights } from "./layers.js";

const samples = correlated(1, 200, 40);
const dense = weights(2, 12, 40);
const pattern = { kind: "unstructured", sparsity: 0.5, scope: "row" } as const;

it("the layer error is the lost share of the squared output over all tokens", async () => {
  const kept = byMagnitude(dense, 40, pattern);
  const pruned = dense.map((value, k) => value * (kept[k] as number));
  const whole = squaredError(dense, new Float32Array(dense.length), samples);
  const input = inputOf(samples);
  expect(await layerError(dense, pruned, input)).toBeCloseTo(squaredError(dense, pruned, samples) / whole, 5);
  expect(await layerError(dense, dense, input)).toBe(0);
  expect(await layerError(dense, new Float32Array(dense.length), input)).toBeCloseTo(1, 5);
  expect(await layerError(new Float32Array(dense.length), dense, input)).toBe(0);
});

it("an update whose signal is aborted ends with the signal's reason", async () => {
  const { moments, products } = inputOf(samples);
  const reason = new Error("enough");
  const aborted = { damping: 0.01, label: "layer", signal: AbortSignal.abort(reason) };
  const update = await RECONSTRUCTIONS.obs.load();
  const input = new LayerInput(moments, products, aborted);
  await expect(update(jobOf(dense, 40, pattern), input, { ...DEFAULT_PARAMETERS, blockSize: 128 })).rejects.toBe(
    reason,
  );
});
