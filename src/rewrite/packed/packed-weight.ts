/**
 * How a weight is packed, before any of its bytes are read: the form, what it costs, and why a
 * weight stays dense. All sizes follow from the mask's count, so a file is laid out before it is written.
 */
import { byteLengthOf, DATA_TYPES } from "../../onnx/index.js";
import type { NofM, Pattern } from "../../pattern/index.js";
import type { StorageOrder } from "../../tensor/matrix.js";
import { elementBytesOf } from "./element.js";
import type { PairOrder } from "./pairs.js";
import { slotLayout } from "./slots.js";

/** The two ways to say where the kept elements are. */
export type PackedForm =
  /** One bit an element. `kept` are the values in the file; of pairs an even number, the last of which may be padding. */
  | { readonly kind: "mask"; readonly kept: number }
  /** `keep` elements of every `of` along `axis` of the elements, each with its place in the group. */
  | { readonly kind: "slots"; readonly keep: number; readonly of: number; readonly axis: number };

/** What stands where nothing was kept. */
export type PackedZeros =
  /** The bytes of one element; of integers of four bits, a byte with the sign in all higher bits. */
  | { readonly kind: "one"; readonly bytes: Uint8Array }
  /** Codes of a byte, stored beside the weight in a shape that spreads over its elements: 1 or as many along each axis. */
  | { readonly kind: "many"; readonly dims: readonly number[] };

/** A tensor that is packed. */
export interface PackedWeight {
  /** Name of the value that the expansion makes: that of the initializer it takes the place of. */
  readonly name: string;
  /** TensorProto.DataType */
  readonly dataType: number;
  readonly dims: readonly number[];
  /** Where every byte of a uint8 tensor holds two codes, which of them comes first; null: an element is one of the type. */
  readonly pairs: PairOrder | null;
  readonly zeros: PackedZeros;
  readonly form: PackedForm;
}

/** ONNX Runtime folds no node whose output is larger, and would run it on every call. */
const MOST_NODE_BYTES = 2 ** 30;
/** What the nodes of an expansion take in the file, about: the fewest 2 kB, pairs of codes in slots 4 kB, mostly names. */
const NODE_BYTES = 2048;
/** Indices are int32, and so are pairs of codes while they are joined. */
const INDEX_BYTES = 4;
/** TensorProto.DataType of masks, codes and places. */
export const UINT8 = 2;

/** Shape of the elements: that of the tensor, whose last axis holds twice as many where they come in pairs. */
export function elementDims({ dims, pairs }: Pick<PackedWeight, "dims" | "pairs">): readonly number[] {
  return pairs === null ? dims : dims.map((dim, axis) => (axis === dims.length - 1 ? 2 * dim : dim));
}

/** Number of elements. */
export function elementCount(weight: Pick<PackedWeight, "dims" | "pairs">): number {
  return product(elementDims(weight));
}

/** Whether elements are integers of four bits by their type, which the tensor packs itself. */
export function isFourBits({ dataType }: Pick<PackedWeight, "dataType">): boolean {
  return DATA_TYPES[dataType]?.bits === 4;
}

/** Shapes of what the file holds of a weight: values (of its type), and places (uint8). @throws TypeError where it has no such slots */
export function packedDims(weight: PackedWeight): { values: readonly number[]; places: readonly number[] } {
  const { form, pairs } = weight;
  const inByte = pairs === null ? 1 : 2;
  if (form.kind === "mask") return { values: [form.kept / inByte], places: [elementCount(weight) / 8] };
  const { groups, keep, perByte } = slotsOf(weight, form);
  const withAxis = (size: number) => elementDims(weight).map((dim, axis) => (axis === form.axis ? size : dim));
  return { values: withAxis((groups * keep) / inByte), places: withAxis((groups * keep) / perByte) };
}

/** The layout of a weight's slots. @throws TypeError where it has none */
export function slotsOf(weight: PackedWeight, { keep, of, axis }: Extract<PackedForm, { kind: "slots" }>) {
  const layout = slotLayout(elementDims(weight), axis, keep, of);
  if (layout === null) throw new TypeError(`"${weight.name}" has no slots of ${keep}:${of}`);
  return layout;
}

/** Bytes that a weight takes in the file, its nodes not counted. */
export function packedBytes(weight: PackedWeight): number {
  const { values, places } = packedDims(weight);
  const { zeros, dataType } = weight;
  return byteLengthOf(dataType, values) + product(places) + (zeros.kind === "many" ? product(zeros.dims) : 0);
}

/** A tensor to pack, as a mask knows it. */
export interface Packable extends Omit<PackedWeight, "form"> {
  readonly order: StorageOrder;
  readonly pattern: Pattern;
  /** Elements that stay. */
  readonly kept: number;
}

/** How to pack a tensor, or in words why it is better left dense. */
export function choosePacking({ order, pattern, kept, ...tensor }: Packable): PackedWeight | string {
  const { dataType, dims, pairs } = tensor;
  const elements = elementCount(tensor);
  if (elementBytesOf(dataType) === null) return "its elements take neither 4 bits nor 1, 2 or 4 bytes";
  if (pairs !== null && dataType !== UINT8) return "its pairs of codes are not stored as uint8";
  if (elements % 8 !== 0) return `its ${elements} elements do not fill whole bytes of a mask`;
  if (kept === 0) return "nothing of it is kept";
  const mask: PackedForm = { kind: "mask", kept: pairs === null ? kept : 2 * Math.ceil(kept / 2) };
  const forms: PackedForm[] = [...slotForms(tensor, pattern, order), mask];
  const sized = forms.map((form) => ({ weight: { ...tensor, form }, bytes: packedBytes({ ...tensor, form }) }));
  // Slots come first, and stay where a mask is no smaller: they expand with less memory.
  const { weight, bytes } = sized.reduce((best, next) => (next.bytes < best.bytes ? next : best));
  const dense = byteLengthOf(dataType, dims);
  if (bytes + NODE_BYTES >= dense) return `packed it would take ${bytes + NODE_BYTES} bytes, dense it takes ${dense}`;
  const largest = Math.max(dense, INDEX_BYTES * indexCount(weight));
  if (largest > MOST_NODE_BYTES)
    return `expanding it needs ${largest} bytes in one node, and ONNX Runtime folds nodes up to ${MOST_NODE_BYTES}`;
  return weight;
}

/** Elements of the largest tensor of indices that expands a weight, or of joined pairs. */
function indexCount(weight: PackedWeight): number {
  const elements = elementCount(weight);
  if (weight.form.kind === "mask") return elements;
  const slots = (elements / weight.form.of) * weight.form.keep;
  return weight.pairs === null ? slots : Math.max(slots, elements / 2);
}

/** Groups of N:M lie along one axis of the tensor, unless their members were chosen. */
function slotForms(tensor: Pick<PackedWeight, "dims" | "pairs">, pattern: Pattern, order: StorageOrder): PackedForm[] {
  if (pattern.kind !== "n:m" || pattern.permute) return [];
  const { keep, of }: NofM = pattern;
  const dims = elementDims(tensor);
  const axis = order === "in-out" ? dims.length - 2 : dims.length - 1;
  const layout = slotLayout(dims, axis, keep, of);
  if (layout === null) return [];
  // Pairs of kept codes share bytes along the axis.
  return tensor.pairs !== null && (layout.groups * keep) % 2 !== 0 ? [] : [{ kind: "slots", keep, of, axis }];
}

/** Elements of a tensor of these sizes. */
export const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);
