/**
 * How a weight is packed, before any of its bytes are read: the form, what it costs, and why a
 * weight stays dense. All sizes follow from the mask's count, so a file is laid out before it is written.
 */
import { byteLengthOf } from "../../onnx/index.js";
import type { NofM, Pattern } from "../../pattern/index.js";
import type { StorageOrder } from "../../tensor/matrix.js";
import { elementBytesOf } from "./element.js";
import { codeBytes, slotLayout } from "./slots.js";

/** The two ways to say where the kept elements are. */
export type PackedForm =
  /** One bit an element. */
  | { readonly kind: "mask"; readonly kept: number }
  /** `keep` elements of every `of` along `axis`, each with its place in the group. */
  | { readonly kind: "slots"; readonly keep: number; readonly of: number; readonly axis: number };

/** A tensor that is packed. */
export interface PackedWeight {
  /** Name of the value that the expansion makes: that of the initializer it takes the place of. */
  readonly name: string;
  /** TensorProto.DataType */
  readonly dataType: number;
  readonly dims: readonly number[];
  /** Bytes of the element that stands where nothing was kept. */
  readonly zero: Uint8Array;
  readonly form: PackedForm;
}

/** ONNX Runtime folds no node whose output is larger, and would run it on every call. */
const MOST_NODE_BYTES = 2 ** 30;
/** What the nodes of an expansion take in the file, about. */
const NODE_BYTES = 2048;
/** ONNX Runtime's indices are int32 here. */
const INDEX_BYTES = 4;

/** Bytes of values and of mask or codes. */
export function packedBytes({ dims, dataType, form }: PackedWeight): { values: number; places: number } {
  const elements = dims.reduce((a, b) => a * b, 1);
  const elementBytes = elementBytesOf(dataType) ?? 0;
  switch (form.kind) {
    case "mask":
      return { values: form.kept * elementBytes, places: elements / 8 };
    case "slots": {
      const layout = slotLayout(dims, form.axis, form.keep, form.of);
      return {
        values: (elements / form.of) * form.keep * elementBytes,
        places: layout === null ? 0 : codeBytes(layout),
      };
    }
    default:
      return form satisfies never;
  }
}

/** A tensor to pack, as a mask knows it. */
export interface Packable {
  readonly name: string;
  readonly dataType: number;
  readonly dims: readonly number[];
  readonly order: StorageOrder;
  readonly pattern: Pattern;
  /** Elements that stay. */
  readonly kept: number;
  /** Bytes of the element that stands for zero. */
  readonly zero: Uint8Array;
}

/** How to pack a tensor, or in words why it is better left dense. */
export function choosePacking(tensor: Packable): PackedWeight | string {
  const { name, dataType, dims, zero, kept } = tensor;
  const elements = dims.reduce((a, b) => a * b, 1);
  if (elementBytesOf(dataType) === null) return "its elements do not take 1, 2 or 4 bytes";
  if (elements % 8 !== 0) return `its ${elements} elements do not fill whole bytes of a mask`;
  if (kept === 0) return "nothing of it is kept";
  const weight = { name, dataType, dims, zero };
  const forms: PackedForm[] = [...slotForms(tensor), { kind: "mask", kept }];
  const sized = forms.map((form) => ({ ...weight, form, bytes: totalOf({ ...weight, form }) }));
  // Slots come first, and stay where a mask is no smaller: they expand with less memory.
  const { bytes, ...packed } = sized.reduce((best, next) => (next.bytes < best.bytes ? next : best));
  const dense = byteLengthOf(dataType, dims);
  if (bytes >= dense) return `packed it would take ${bytes} bytes, dense it takes ${dense}`;
  const needed = Math.max(dense, packed.form.kind === "mask" ? elements * INDEX_BYTES : 0);
  if (needed > MOST_NODE_BYTES)
    return `expanding it needs ${needed} bytes in one node, and ONNX Runtime folds nodes up to ${MOST_NODE_BYTES}`;
  return packed;
}

function totalOf(weight: PackedWeight): number {
  const { values, places } = packedBytes(weight);
  return values + places + NODE_BYTES;
}

/** Groups of N:M lie along one axis of the tensor, unless their members were chosen. */
function slotForms({ pattern, dims, order }: Packable): PackedForm[] {
  if (pattern.kind !== "n:m" || pattern.permute) return [];
  const { keep, of }: NofM = pattern;
  const axis = order === "in-out" ? dims.length - 2 : dims.length - 1;
  return slotLayout(dims, axis, keep, of) === null ? [] : [{ kind: "slots", keep, of, axis }];
}
