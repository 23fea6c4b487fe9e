/**
 * The hard test of a layer form: ONNX Runtime multiplies with the values that we think are stored, and
 * with the zeros that we write. Every form, with every variant of its layout, in a model of one layer.
 */
import { afterEach, describe, expect, it } from "vitest";
import {
  buildModel,
  codingFacts,
  describeCoding,
  findWritableTargets,
  readValues,
  type Target,
} from "../../src/graph/index.js";
import { type ModelEdits, openModel } from "../../src/onnx/index.js";
import { emptyMask, isKept, type Mask } from "../../src/pattern/index.js";
import { maskEdits } from "../../src/prune/index.js";
import { openEdited, type RuntimeTensor } from "../../src/runtime/index.js";
import { type ModelSpec, modelBytes } from "../helpers/model.js";
import { randomNumbers } from "../helpers/quantised.js";
import { floats, testRuntime } from "../helpers/runtime.js";
import { LAYERS, TOKENS } from "./one-layer.js";

const runtime = testRuntime();
afterEach(() => expect(runtime.openSessions()).toBe(0));

/** X · Wᵀ in float64; X [tokens, in], W [out, in]. */
const product = (x: readonly number[], weight: readonly number[], { out, in: channels }: Target["shape"]) =>
  Array.from({ length: TOKENS * out }, (_, k) => {
    const [token, o] = [Math.floor(k / out), k % out];
    let sum = 0;
    for (let i = 0; i < channels; i++)
      sum += (x[token * channels + i] as number) * (weight[o * channels + i] as number);
    return sum;
  });

async function run(spec: ModelSpec, tensors: NonNullable<ModelEdits["tensors"]>, x: readonly number[], target: Target) {
  const onnx = await openModel(modelBytes(spec));
  const found = await findWritableTargets(buildModel(onnx));
  const own = new Map(
    [...tensors.values()].map((edit) => [found.targets[0]?.tensor as Target["tensor"], edit] as const),
  );
  // Optimised, the runtime may round activations to eight bits, which is not what is tested.
  const session = await openEdited(runtime, onnx, { tensors: own }, { graphOptimizationLevel: "disabled" });
  try {
    const { y } = await session.run({ x: floats(runtime, x, [TOKENS, target.shape.in]) });
    return [...((y as RuntimeTensor).data as Float32Array)];
  } finally {
    await session.release();
  }
}

describe.each(LAYERS)("$form $variant", ({ form, stored, spec, x, tolerance = 1e-5 }) => {
  it("is read as the runtime reads it, and pruned weights are zeros to it", async () => {
    const { targets, skipped } = await findWritableTargets(buildModel(await openModel(modelBytes(spec))));
    expect(skipped).toEqual([]);
    expect(targets).toMatchObject([{ form, name: "layers.0.mlp.fc1", layer: 0, denseByDefault: null }]);
    const target = targets[0] as Target;
    const { shape, order, coding } = target;
    expect(describeCoding(coding, shape, order)).toBe(stored);
    const { bits, blockSize } = codingFacts(coding, shape, order);
    expect(stored).toContain(String(bits));
    expect(blockSize === null || !stored.includes("blocks") || stored.endsWith(` ${blockSize}`)).toBe(true);
    const weight = [...(await readValues(target))];
    const close = (found: readonly number[], expected: readonly number[]) => {
      const largest = Math.max(...expected.map(Math.abs));
      for (const [k, value] of expected.entries())
        expect(Math.abs((found[k] as number) - value)).toBeLessThan(largest * tolerance);
    };
    close(await run(spec, new Map(), x, target), product(x, weight, shape));

    const random = randomNumbers(7);
    const mask: Mask = emptyMask(shape, order);
    for (let k = 0; k < mask.bits.length; k++) mask.bits[k] = Math.floor(random() * 256);
    const zeroed = weight.map((value, k) => (isKept(mask, Math.floor(k / shape.in), k % shape.in) ? value : 0));
    let zeros = 0;
    const edits = maskEdits(new Map([[target, mask]]), (_, count) => {
      zeros = count;
    });
    close(await run(spec, edits, x, target), product(x, zeroed, shape));
    expect(zeros).toBe(zeroed.filter((value) => value === 0).length);
  });
});
