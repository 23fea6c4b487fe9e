/** A quantised model is pruned as its float twin is: the same masks, the same outputs with zeros in them. */
import { afterEach, describe, expect, it } from "vitest";
import { buildModel, findTargets, type Target } from "../../src/graph/index.js";
import { openModel, readTensor, serializeModel } from "../../src/onnx/index.js";
import { isKept, type Mask } from "../../src/pattern/index.js";
import { type Masked, maskBySamples, maskEdits, type Plan, reportOf } from "../../src/prune/index.js";
import { openCpu } from "../helpers/cpu-device.js";
import { float32, type ModelSpec, node, uint8 } from "../helpers/model.js";
import { integers, pack, randomNumbers } from "../helpers/quantised.js";
import { testRuntime } from "../helpers/runtime.js";
import { CHANNELS, languageModel, planOf, quietMeter, TOKENS } from "./tiny.js";

const runtime = testRuntime();
afterEach(() => expect(runtime.openSessions()).toBe(0));

/** Codes of four bits, [out, in], with a scale and zero point for every 16 of them. */
function codesOf(seed: number, out: number, channels: number) {
  const random = randomNumbers(seed);
  const blocks = channels / 16;
  const codes = integers(random, out * channels, 0, 15);
  const scales = Array.from({ length: out * blocks }, () => 0.01 + random() / 20);
  const zeros = integers(random, out * blocks, 6, 9);
  const valueAt = (o: number, i: number) => {
    const block = o * blocks + Math.floor(i / 16);
    return (scales[block] as number) * ((codes[o * channels + i] as number) - (zeros[block] as number));
  };
  return { codes, scales, zeros, blocks, valueAt };
}

const FC1 = codesOf(1, 32, CHANNELS);
const FC2 = codesOf(2, CHANNELS, 32);

/** Replaces both layers of the tiny model. */
function twins(): { readonly float: ModelSpec; readonly quantised: ModelSpec } {
  const dense = languageModel();
  const others = (dense.initializers ?? []).filter(({ name }) => !name?.includes(".fc"));
  const stored = ({ valueAt }: typeof FC1, out: number, channels: number) =>
    Array.from({ length: out * channels }, (_, k) => valueAt(k % out, Math.floor(k / out)));
  const nBits = (name: string, from: string, to: string, own: typeof FC1, out: number, channels: number) => ({
    node: node(
      "MatMulNBits",
      [from, `${name}.codes`, `${name}.scales`, `${name}.zeros`],
      [to],
      { K: channels, N: out, bits: 4, block_size: 16 },
      { domain: "com.microsoft", name: `/model/layers.0/mlp/${name}/MatMul_Q4` },
    ),
    initializers: [
      uint8(`${name}.codes`, [out, own.blocks, 8], pack(own.codes, 4)),
      float32(`${name}.scales`, [out * own.blocks], own.scales),
      // One or two zero points of an output row take a byte.
      uint8(
        `${name}.zeros`,
        [out, 1],
        Array.from({ length: out }, (_, o) =>
          own.blocks === 1
            ? (own.zeros[o] as number)
            : (own.zeros[2 * o] as number) | ((own.zeros[2 * o + 1] as number) << 4),
        ),
      ),
    ],
  });
  const layers = [nBits("fc1", "e", "u", FC1, 32, CHANNELS), nBits("fc2", "r", "d", FC2, CHANNELS, 32)];
  const [fc1, fc2] = layers as [(typeof layers)[0], (typeof layers)[0]];
  const floats = [
    float32("layers.0.mlp.fc1.weight", [CHANNELS, 32], stored(FC1, 32, CHANNELS)),
    float32("layers.0.mlp.fc2.weight", [32, CHANNELS], stored(FC2, CHANNELS, 32)),
  ];
  return {
    float: { ...dense, initializers: [...others, ...floats] },
    quantised: {
      ...dense,
      domains: { "com.microsoft": 1 },
      nodes: (dense.nodes ?? []).map((one) =>
        one.name?.includes("fc1") ? fc1.node : one.name?.includes("fc2") ? fc2.node : one,
      ),
      initializers: [...others, ...fc1.initializers, ...fc2.initializers],
    },
  };
}

const services = {
  runtime,
  sessionOptions: {},
  tokenizer: () => Promise.reject(new Error("not asked for")),
  openDevice: openCpu,
};

async function pruned(spec: ModelSpec, option: object): Promise<{ readonly plan: Plan; readonly masked: Masked }> {
  const plan = await planOf({ calibration: { tokens: TOKENS }, ...option }, spec);
  const [result] = await maskBySamples([plan], services, quietMeter);
  if (result === undefined) throw new Error("no masks");
  return result;
}

const keptOf = (mask: Mask) =>
  Array.from({ length: mask.shape.out * mask.shape.in }, (_, k) =>
    isKept(mask, Math.floor(k / mask.shape.in), k % mask.shape.in),
  );

/** Logits of a file for one sample. */
async function logitsOf(bytes: Uint8Array): Promise<number[]> {
  const session = await runtime.open(bytes, {});
  const ids = runtime.tensor("int64", BigInt64Array.from(TOKENS[0] as number[], BigInt), [1, TOKENS[0]?.length ?? 0]);
  const { logits } = await session.run({ input_ids: ids, attention_mask: ids });
  const values = [...((logits as NonNullable<typeof logits>).data as Float32Array)];
  await session.release();
  return values;
}

describe("a quantised model", () => {
  it.each<[string, object]>([
    ["ria at 2:4", { method: "ria", pattern: "2:4" }],
    ["wanda at 60%", { method: "wanda", sparsity: 0.6 }],
    [
      "two passes of crepe",
      { method: "crepe", pattern: "4:8", passes: 2, coefficients: { row: 0.1, column: 0.4, window: 0.5, size: 3 } },
    ],
  ])("gets the masks of its float twin by %s, and runs with their zeros", async (_, option) => {
    const { float, quantised } = twins();
    const [own, twin] = [await pruned(quantised, option), await pruned(float, option)];
    const masks = [...own.masked.masks.values()];
    expect(masks.map(keptOf)).toEqual([...twin.masked.masks.values()].map(keptOf));

    const zerosOf = new Map<Target, number>();
    const write = async ({ plan, masked }: typeof own, onZeros?: (target: Target, zeros: number) => void) =>
      (await serializeModel(plan.model.onnx, { tensors: maskEdits(masked.masks, onZeros) })).bytes;
    const bytes = await write(own, (target, zeros) => zerosOf.set(target, zeros));
    const [found, expected] = [await logitsOf(bytes), await logitsOf(await write(twin))];
    for (const [k, value] of expected.entries()) expect(found[k]).toBeCloseTo(value, 4);

    const written = { zerosOf, bytes: 0, seconds: 0, calibration: "tokens", device: "cpu", notes: [] };
    const report = reportOf(own.plan, own.masked, written);
    expect(report.parameters).toBe(reportOf(twin.plan, twin.masked, written).parameters);
    for (const { dtype, sparsity, zeros, shape } of report.weights) {
      expect(dtype).toBe(shape[1] === 16 ? "uint4 by output row" : "uint4 in blocks of 16");
      expect(sparsity).toBeGreaterThanOrEqual(zeros / (shape[0] * shape[1]));
    }
    // Scales and zero points are those of the source, byte for byte.
    const [before, after] = [own.plan.model, buildModel(await openModel(bytes))];
    for (const tensor of after.graph.onnx.initializers.filter(({ name }) => /scales|zeros/.test(name))) {
      const source = before.graph.onnx.initializers.find(({ name }) => name === tensor.name);
      expect(await readTensor(tensor)).toEqual(await readTensor(source as typeof tensor));
    }
    expect(findTargets(after).targets).toHaveLength(3);
  });
});
