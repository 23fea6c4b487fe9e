/** Small models with masked weights, packed and dense, as files. */
import { buildModel, findWritableTargets, resolveCoding } from "../../../src/graph/index.js";
import {
  graphsOf,
  type OnnxTensor,
  openModel,
  readTensor,
  serializeModel,
  type TensorEdit,
} from "../../../src/onnx/index.js";
import { countKept, type Mask, type Pattern } from "../../../src/pattern/index.js";
import {
  choosePacking,
  codedElements,
  type Packed,
  type PackedForm,
  packEdits,
} from "../../../src/rewrite/packed/index.js";
import { writeZeros } from "../../../src/rewrite/write-zeros.js";
import type { StorageOrder } from "../../../src/tensor/matrix.js";
import { type ModelSpec, modelBytes } from "../../helpers/model.js";

/** How the weights of a model are masked. */
export interface Masking {
  readonly pattern: Pattern;
  /** Which axis of the stored tensor is output; "in-out" unless told. */
  readonly order?: StorageOrder;
}

export const HALF: Pattern = { kind: "unstructured", sparsity: 0.5, scope: "matrix" };
export const TWO_OF_FOUR: Pattern = { kind: "n:m", keep: 2, of: 4, permute: false };

/** A mask of a stored [rows, columns] matrix: about half of it, or N of every M along the input axis. */
export function someMask([rows, columns]: readonly number[], { pattern, order = "in-out" }: Masking): Mask {
  const [r, c] = [rows as number, columns as number];
  const shape = order === "in-out" ? { in: r, out: c } : { out: r, in: c };
  const bits = new Uint8Array((r * c) / 8);
  for (let k = 0; k < r * c; k++) {
    const o = order === "in-out" ? k % c : Math.floor(k / c);
    const i = order === "in-out" ? Math.floor(k / c) : k % c;
    const isKept =
      pattern.kind === "n:m"
        ? (i + 3 * o + Math.floor(i / pattern.of)) % pattern.of < pattern.keep
        : Math.sin(k * 12.9898) > 0;
    if (isKept) bits[k >> 3] = (bits[k >> 3] as number) | (1 << (k & 7));
  }
  return { shape, order, bits };
}

/** Zeros written where the mask has 0. */
export function withZeros(stored: Uint8Array, { bits }: Mask): Uint8Array {
  const size = stored.length / (8 * bits.length);
  return stored.map((byte, at) => {
    const k = Math.floor(at / size);
    return ((bits[k >> 3] as number) >> (k & 7)) & 1 ? byte : 0;
  });
}

/** The model with some initializers masked: packed, and with zeros stored like any other value. */
export async function packedAndDense(
  spec: ModelSpec,
  masking: Readonly<Record<string, Masking>>,
): Promise<{ packed: Uint8Array; dense: Uint8Array }> {
  const model = await openModel(modelBytes(spec));
  const initializers = [...graphsOf(model.graph)].flatMap((graph) => graph.initializers);
  const edits = new Map<OnnxTensor, TensorEdit>();
  const parts: Packed[] = [];
  for (const [name, how] of Object.entries(masking)) {
    const tensor = initializers.find((one) => one.name === name);
    if (tensor === undefined) throw new Error(`no initializer ${name}`);
    const mask = someMask(tensor.dims.slice(-2), how);
    const stored = new Uint8Array(await readTensor(tensor));
    const masked = withZeros(stored, mask);
    edits.set(tensor, { kind: "bytes", byteLength: masked.length, bytes: () => masked });
    const zeros = { kind: "one", bytes: new Uint8Array(stored.length / (8 * mask.bits.length)) } as const;
    const { order } = mask;
    const weight = choosePacking({ ...tensor, pattern: how.pattern, order, kept: countKept(mask), pairs: null, zeros });
    if (typeof weight === "string") throw new Error(weight);
    parts.push({ weight, tensor, bits: mask.bits, read: async () => stored });
  }
  const { bytes: packed } = await serializeModel(model, packEdits(model, parts));
  const { bytes: dense } = await serializeModel(model, { tensors: edits });
  return { packed, dense };
}

/**
 * A model of one layer with its weight masked, packed and dense, however little there is to gain.
 *
 * @param pattern `HALF` is packed by a mask, `TWO_OF_FOUR` by slots
 */
export async function packedLayer(
  spec: ModelSpec,
  pattern: Pattern,
): Promise<{ packed: Uint8Array; dense: Uint8Array }> {
  const model = await openModel(modelBytes(spec));
  const [target] = (await findWritableTargets(buildModel(model))).targets;
  if (target === undefined) throw new Error("no weight to pack");
  const { tensor, shape, order } = target;
  const coding = await resolveCoding(target);
  const elements = codedElements(target, coding);
  if (typeof elements === "string") throw new Error(elements);
  const { zeroCodes, ...coded } = elements;
  const mask = someMask(order === "in-out" ? [shape.in, shape.out] : [shape.out, shape.in], { pattern, order });
  const stored = new Uint8Array(await readTensor(tensor));
  const masked = stored.slice();
  writeZeros(masked, coding, mask);
  const kept = countKept(mask);
  const axis = tensor.dims.length - (order === "in-out" ? 2 : 1);
  const form: PackedForm =
    pattern.kind === "n:m"
      ? { kind: "slots", keep: pattern.keep, of: pattern.of, axis }
      : { kind: "mask", kept: kept + (coded.pairs === null ? 0 : kept % 2) };
  const weight = { name: tensor.name, dataType: tensor.dataType, dims: tensor.dims, ...coded, form };
  const packed: Packed = {
    weight,
    tensor,
    bits: mask.bits,
    read: async () => stored,
    ...(zeroCodes && { zeros: zeroCodes }),
  };
  const edit: TensorEdit = { kind: "bytes", byteLength: masked.length, bytes: () => masked };
  return {
    packed: (await serializeModel(model, packEdits(model, [packed]))).bytes,
    dense: (await serializeModel(model, { tensors: new Map([[tensor, edit]]) })).bytes,
  };
}
