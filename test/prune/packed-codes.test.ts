/**
 * Packed codes of every layer form: which layouts are packed, and that nothing tells the packed file
 * from the dense one with zeros, neither to ONNX Runtime nor to our own reader.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createCpuDevice } from "../../src/compute/cpu/index.js";
import type { Device } from "../../src/compute/index.js";
import { graphsOf, openModel, readTensor, serializeModel } from "../../src/onnx/index.js";
import { encodeWeights } from "../../src/prune/encode-weights.js";
import { computeMasks, onDevice } from "../../src/prune/index.js";
import type { WeightReport } from "../../src/report.js";
import { findPacked, unpackEdits } from "../../src/rewrite/packed/index.js";
import { bytesOf } from "../helpers/model.js";
import { layersOf, type OneLayer, TOKENS } from "./one-layer.js";
import { planOf, quietMeter } from "./tiny.js";

const SIZE = { out: 96, in: 384 };
const LAYERS = layersOf(SIZE);

let folder: string;
let device: Device;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "packed-codes-"));
  device = createCpuDevice({ threads: 1 });
});
afterAll(async () => {
  await device.close();
  await rm(folder, { recursive: true });
});

/** A layer pruned by magnitude, in both encodings. */
async function encoded({ spec }: OneLayer, how: object) {
  const plan = await planOf({ method: "magnitude", include: "**", encoding: "packed", ...how }, spec);
  const noCalibration = () => Promise.reject(new Error("no calibration"));
  const masks = (await computeMasks([plan], noCalibration, onDevice(device), quietMeter)).get(plan);
  if (masks === undefined) throw new Error("no masks");
  const zeros: number[] = [];
  const write = async (encoding: "dense" | "packed") => {
    const { edits, stored } = await encodeWeights(plan, masks, encoding, (_, count) => zeros.push(count));
    return { bytes: (await serializeModel(plan.model.onnx, edits)).bytes, stored: [...stored.values()][0] };
  };
  const [dense, packed] = [await write("dense"), await write("packed")];
  return { dense: dense.bytes, packed: packed.bytes, stored: packed.stored as Stored, zeros };
}

type Stored = NonNullable<WeightReport["stored"]>;

/** Initializers by name and operators of a model, after what `edits` of ours or the runtime made of it. */
async function contentOf(path: string | Uint8Array) {
  const model = await openModel(path);
  const graphs = [...graphsOf(model.graph)];
  const tensors = new Map<string, unknown>();
  for (const tensor of graphs.flatMap(({ initializers }) => initializers))
    tensors.set(tensor.name, [tensor.dataType, tensor.dims, Buffer.from(await readTensor(tensor)).toString("base64")]);
  await model.close();
  return { tensors, operators: graphs.flatMap(({ nodes }) => nodes.map(({ opType }) => opType)).sort() };
}

async function unpacked(packed: Uint8Array): Promise<Uint8Array> {
  const model = await openModel(packed);
  return (await serializeModel(model, unpackEdits(model, await findPacked(model)))).bytes;
}

async function run(model: Uint8Array, x: readonly number[]) {
  const path = join(folder, `${Math.random()}.onnx`);
  const options = { logSeverityLevel: 4, optimizedModelFilePath: path, graphOptimizationLevel: "basic" } as const;
  await (await InferenceSession.create(model, options)).release();
  const session = await InferenceSession.create(model, { logSeverityLevel: 4 });
  const { y } = await session.run({ x: new Tensor("float32", Float32Array.from(x), [TOKENS, SIZE.in]) });
  await session.release();
  return { y: bytesOf(y?.data as Float32Array), optimised: await contentOf(path) };
}

/** Bits of a code and of all that is stored for it, on average: half are kept, and each has a bit, or a kept one has two. */
function expectedBytes({ variant, form }: OneLayer, share: number): number {
  const bits = form === "MatMulBnb4" || /\b(4 bits|u?int4)\b/.test(variant) ? 4 : 8;
  return (SIZE.out * SIZE.in * (bits * share + 1)) / 8;
}

describe.each(LAYERS)("$form $variant", (layer) => {
  it.each<[string, object]>([
    ["half of the weights", { sparsity: 0.5 }],
    ["2:4", { pattern: "2:4" }],
  ])("is the same packed and dense: %s", async (_, how) => {
    const { dense, packed, stored, zeros } = await encoded(layer, how);
    expect(zeros[1]).toBe(zeros[0]);
    if (stored.encoding === "dense") {
      expect(packed).toEqual(dense);
      return;
    }
    expect(await contentOf(await unpacked(packed))).toEqual(await contentOf(dense));
    expect(await run(packed, layer.x)).toEqual(await run(dense, layer.x));
  });
});

it("codes of 8 and 4 bits are packed, with their zeros by block where these differ", async () => {
  const stored = new Map<string, string>();
  for (const layer of LAYERS) {
    const { stored: own } = await encoded(layer, { sparsity: 0.5 });
    const extra = own.bytes - expectedBytes(layer, 0.5);
    stored.set(`${layer.form} ${layer.variant}`, own.encoding === "dense" ? own.reason : `packed, ${extra} for zeros`);
  }
  expect(Object.fromEntries(stored)).toMatchInlineSnapshot(`
    {
      "ConvInteger of int8 by channel": "packed, 0 for zeros",
      "ConvInteger of int8 by tensor": "packed, 0 for zeros",
      "ConvInteger of uint8 by tensor": "packed, 0 for zeros",
      "MatMul behind DequantizeLinear of int2 out-in, axis -1 in blocks of 16, zeros": "its codes of 2 bits are hardly longer than what would say where they belong",
      "MatMul behind DequantizeLinear of int4 in-out, axis null, zeros": "packed, 0 for zeros",
      "MatMul behind DequantizeLinear of int4 out-in, axis -1 in blocks of 16": "packed, 0 for zeros",
      "MatMul behind DequantizeLinear of int8 in-out, axis 0, zeros": "its zero points differ, in a layout for which there is no packing",
      "MatMul behind DequantizeLinear of int8 in-out, axis 1": "packed, 0 for zeros",
      "MatMul behind DequantizeLinear of int8 in-out, axis null": "packed, 0 for zeros",
      "MatMul behind DequantizeLinear of int8 out-in, axis null, zeros, transposed first": "packed, 0 for zeros",
      "MatMul behind DequantizeLinear of uint2 in-out, axis 1": "its codes of 2 bits are hardly longer than what would say where they belong",
      "MatMul behind DequantizeLinear of uint4 in-out, axis 0 in blocks of 32, zeros": "its zero points differ, in a layout for which there is no packing",
      "MatMul behind DequantizeLinear of uint4 out-in, axis -1 in blocks of 16, zeros": "its zero points differ, in a layout for which there is no packing",
      "MatMul behind DequantizeLinear of uint8 in-out, axis null, zeros": "packed, 0 for zeros",
      "MatMul behind DequantizeLinear of uint8 out-in, axis 0, zeros": "packed, 96 for zeros",
      "MatMul behind DequantizeLinear of uint8 out-in, axis 1, zeros, transposed first": "packed, 96 for zeros",
      "MatMulBnb4 of fp4 in blocks of 64": "packed, 0 for zeros",
      "MatMulBnb4 of nf4 in blocks of 16": "packed, 0 for zeros",
      "MatMulBnb4 of nf4 in blocks of 64": "packed, 0 for zeros",
      "MatMulInteger of int8 by channel": "its zero points differ, in a layout for which there is no packing",
      "MatMulInteger of int8 by tensor": "packed, 0 for zeros",
      "MatMulInteger of uint8 by channel": "packed, 96 for zeros",
      "MatMulInteger of uint8 by tensor": "packed, 0 for zeros",
      "MatMulInteger of uint8 by tensor, scales one after the other": "packed, 0 for zeros",
      "MatMulNBits of 2 bits in blocks of 32, zero points float, scales 2-D": "its codes of 2 bits are hardly longer than what would say where they belong",
      "MatMulNBits of 2 bits in blocks of 32, zero points none, scales 2-D": "its codes of 2 bits are hardly longer than what would say where they belong",
      "MatMulNBits of 2 bits in blocks of 32, zero points packed, scales 2-D": "its codes of 2 bits are hardly longer than what would say where they belong",
      "MatMulNBits of 4 bits in blocks of 128, zero points none, scales 2-D": "packed, 0 for zeros",
      "MatMulNBits of 4 bits in blocks of 16, zero points packed, scales 1-D": "packed, 2304 for zeros",
      "MatMulNBits of 4 bits in blocks of 32, zero points float, scales 2-D": "packed, 1152 for zeros",
      "MatMulNBits of 4 bits in blocks of 32, zero points none, scales 2-D": "packed, 0 for zeros",
      "MatMulNBits of 4 bits in blocks of 32, zero points packed, scales 2-D": "packed, 1152 for zeros",
      "MatMulNBits of 4 bits in blocks of 32, zero points packed, scales float16": "packed, 1152 for zeros",
      "MatMulNBits of 8 bits in blocks of 32, zero points none, scales 2-D": "packed, 0 for zeros",
      "MatMulNBits of 8 bits in blocks of 32, zero points none, scales signed": "packed, 0 for zeros",
      "MatMulNBits of 8 bits in blocks of 32, zero points packed, scales 2-D": "packed, 1152 for zeros",
    }
  `);
});
