/** Which weights of a file are packed, which stay dense, and why. */
import { describe, expect, it } from "vitest";
import { createCpuDevice } from "../../src/compute/cpu/index.js";
import { plannedBytes, serializeModel } from "../../src/onnx/index.js";
import { compareBytes } from "../../src/prune/compare-bytes.js";
import { encodeWeights } from "../../src/prune/encode-weights.js";
import { computeMasks, onDevice, type Plan } from "../../src/prune/index.js";
import { constant, float32, type ModelSpec, node, value } from "../helpers/model.js";
import { planOf, quietMeter } from "./tiny.js";

const SIZE = 64;
const weight = (name: string, dims = [SIZE, SIZE]) =>
  float32(
    name,
    dims,
    Float32Array.from({ length: (dims[0] ?? 0) * (dims[1] ?? 0) }, (_, k) => Math.sin(k + name.length)),
  );

/** Weights that are large, inside of a node, and too small to gain by it. */
const SPEC: ModelSpec = {
  inputs: [value("x", [1, SIZE])],
  nodes: [
    constant(weight("inside")),
    node("MatMul", ["x", "large"], ["a"]),
    node("MatMul", ["a", "inside"], ["b"]),
    node("MatMul", ["b", "small"], ["c"]),
    node("MatMul", ["b", "odd"], ["d"]),
  ],
  initializers: [weight("large"), weight("small", [SIZE, 8]), weight("odd", [SIZE, 3])],
  outputs: [value("c", [1, 8]), value("d", [1, 3])],
};

async function masked(spec: ModelSpec, option: object) {
  const plan = await planOf({ method: "magnitude", include: "**", encoding: "packed", ...option }, spec);
  const device = createCpuDevice({ threads: 1 });
  const masks = await computeMasks(
    [plan],
    () => Promise.reject(new Error("no calibration")),
    onDevice(device),
    quietMeter,
  );
  await device.close();
  const own = masks.get(plan);
  if (own === undefined) throw new Error("no masks");
  return { plan, masked: own };
}

const storedAs = (plan: Plan, { stored }: Awaited<ReturnType<typeof encodeWeights>>) =>
  Object.fromEntries(plan.targets.map((target) => [target.tensor.name, stored.get(target)]));

describe("a file whose weights are to be packed", () => {
  it("packs those that get smaller, and says why the others stay dense", async () => {
    const { plan, masked: own } = await masked(SPEC, { sparsity: 0.5 });
    const encoded = await encodeWeights(plan, own, "packed");
    expect(storedAs(plan, encoded)).toEqual({
      large: { encoding: "packed", bytes: 2 * SIZE * SIZE + (SIZE * SIZE) / 8 },
      inside: { encoding: "dense", bytes: 4 * SIZE * SIZE, reason: "its values lie inside a node" },
      small: {
        encoding: "dense",
        bytes: 32 * SIZE,
        reason: expect.stringMatching(/^packed it would take \d+ bytes, dense/),
      },
      odd: { encoding: "dense", bytes: 12 * SIZE, reason: expect.stringContaining("packed it would take") },
    });
    const { bytes } = await serializeModel(plan.model.onnx, encoded.edits);
    const compared = await compareBytes(plan, own, true);
    expect(compared.packed).toBe(bytes.length);
    expect(compared.dense).toBe(plannedBytes(plan.model.onnx, {}, { fileName: "model.onnx" }));
    expect(compared.compressed?.gzip.bytes).toBeLessThan(compared.dense);
  });

  it("is refused where its operators are too old, with what would help, and compared without", async () => {
    const { plan, masked: own } = await masked({ ...SPEC, opset: 9, irVersion: 4 }, { sparsity: 0.5 });
    await expect(encodeWeights(plan, own, "packed")).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringContaining("operator set 9"),
    });
    expect(await compareBytes(plan, own, false)).toMatchObject({ packed: null });
  });

  it("has zeros where it is dense, whatever is asked", async () => {
    const { plan, masked: own } = await masked(SPEC, { pattern: "2:4", exclude: ["odd"] });
    const zeros = new Map<string, number>();
    for (const encoding of ["dense", "packed"] as const) {
      const { edits } = await encodeWeights(plan, own, encoding, (target, count) => {
        expect(zeros.get(target.name) ?? count).toBe(count);
        zeros.set(target.name, count);
      });
      await serializeModel(plan.model.onnx, edits);
    }
    expect(zeros.size).toBe(plan.targets.length);
  });
});
