/**
 * The nodes that expand a packed weight into a value of its old name. They use standard operators
 * only (operator set 11 and later), read constants only, and end in one tensor, so ONNX Runtime
 * folds them into an initializer when it loads the model. It keeps what lies between until all is
 * folded: hence few large values, and tables and zeros that many weights share. docs/packed.md
 * describes the format.
 */
import { DATA_TYPES, type NewAttribute, type NewNode, type NewTensor } from "../../onnx/index.js";
import type { PackedWeight } from "./packed-weight.js";
import { type SlotLayout, slotLayout } from "./slots.js";

/** Every name that packing adds begins so. */
export const PACKED_PREFIX = "transformers_prune/packed";

/** The operator set that has BitShift and CumSum. */
export const SMALLEST_OPSET = 11;

const UINT8 = 2;
const INT32 = 6;
const INT64 = 7;
const BOOL = 9;

/** Names of the initializers that hold a packed weight's bytes. */
export const valuesName = (weight: string): string => `${PACKED_PREFIX}/${weight}/values`;
/** See {@link valuesName}. */
export const placesName = (weight: string): string => `${PACKED_PREFIX}/${weight}/places`;

/** What a packed weight adds to a graph, but for values and places. */
export interface Expansion {
  /** Shape of the values, and of the places (uint8: the mask, or the codes). */
  readonly valuesDims: readonly number[];
  readonly placesDims: readonly number[];
  /** Nodes of this weight, the last of which makes it; in the order in which they depend. */
  readonly nodes: readonly NewNode[];
  /** Nodes that weights share; equal names, equal nodes. They come before. */
  readonly shared: readonly NewNode[];
  /** Constants that weights share; equal names, equal constants. */
  readonly constants: readonly NewTensor[];
}

/** The expansion of a weight; the same weight always has the same. */
export function expansionOf(weight: PackedWeight): Expansion {
  switch (weight.form.kind) {
    case "mask":
      return expandMask(weight, weight.form.kept);
    case "slots":
      return expandSlots(weight, weight.form);
    default:
      return weight.form satisfies never;
  }
}

/**
 * An element's index among the kept is that of its byte (a running sum of the bytes' ones) and its
 * rank in the byte, which a table knows. For elements that are not kept the table points past all
 * values, where as many zeros follow, so that no further pass has to sort them out.
 */
function expandMask(weight: PackedWeight, kept: number): Expansion {
  const draft = new Draft(weight.name);
  const elements = weight.dims.reduce((a, b) => a * b, 1);
  const values = valuesName(weight.name);
  const places = placesName(weight.name);
  const ranks = draft.shared("Where", [draft.isKept(), draft.ranks(), draft.int32(kept)], `ranks_${kept}`);
  const zeros = draft.zeros([kept + 1], weight);
  const bytes = draft.node("Cast", [places], "bytes", [int("to", INT32)]);
  const counts = draft.node("Gather", [draft.ones(), bytes], "counts");
  const starts = draft.node("CumSum", [counts, draft.int64(0)], "starts", [int("exclusive", 1)]);
  const inByte = draft.node("Gather", [ranks, bytes], "ranks");
  const indices = draft.node("Add", [starts, inByte], "indices");
  const padded = draft.node("Concat", [values, zeros], "padded", [int("axis", 0)]);
  const spread = draft.node("Gather", [padded, indices], "elements");
  draft.result("Reshape", [spread, draft.int64s(weight.dims)]);
  return { ...draft.parts(), valuesDims: [kept], placesDims: [elements / 8] };
}

/** Slots know their group by where they are: the code joins in, and one scatter puts the values in their places. */
function expandSlots(
  weight: PackedWeight,
  { keep, of, axis }: Extract<PackedWeight["form"], { kind: "slots" }>,
): Expansion {
  const layout = slotLayout(weight.dims, axis, keep, of);
  if (layout === null) throw new TypeError(`"${weight.name}" has no slots of ${keep}:${of}`);
  const { bits, perByte, groups } = layout;
  const draft = new Draft(weight.name);
  const places = placesName(weight.name);
  const planes = Array.from({ length: perByte }, (_, plane) => {
    const above = 8 - bits * (plane + 1);
    const low = above === 0 ? places : draft.node("BitShift", [places, draft.uint8(above)], `low_${plane}`, [LEFT]);
    return draft.node("BitShift", [low, draft.uint8(8 - bits)], `plane_${plane}`, [RIGHT]);
  });
  const codes = draft.node("Concat", planes, "codes", [int("axis", axis)]);
  const inGroup = draft.node("Cast", [codes], "in_group", [int("to", INT32)]);
  const indices = draft.node("Add", [inGroup, draft.groupStarts(layout, weight.dims.length - axis - 1)], "indices");
  const zeros = draft.zeros(weight.dims, weight);
  draft.result("ScatterElements", [zeros, indices, valuesName(weight.name)], [int("axis", axis)]);
  const withAxis = (size: number) => weight.dims.map((dim, d) => (d === axis ? size : dim));
  return {
    ...draft.parts(),
    valuesDims: withAxis(groups * keep),
    placesDims: withAxis((groups * keep) / perByte),
  };
}

const int = (name: string, value: number): NewAttribute => ({ name, kind: "int", value });
const LEFT: NewAttribute = { name: "direction", kind: "string", value: "LEFT" };
const RIGHT: NewAttribute = { name: "direction", kind: "string", value: "RIGHT" };

/** Nodes and constants of one expansion while they are written down. */
class Draft {
  readonly #nodes: NewNode[] = [];
  readonly #shared: NewNode[] = [];
  readonly #constants: NewTensor[] = [];

  constructor(readonly weight: string) {}

  parts(): Pick<Expansion, "nodes" | "shared" | "constants"> {
    return { nodes: this.#nodes, shared: this.#shared, constants: this.#constants };
  }

  /** A node of this weight; returns its output's name. */
  node(opType: string, inputs: readonly string[], role: string, attributes: readonly NewAttribute[] = []): string {
    return add(this.#nodes, opType, inputs, `${PACKED_PREFIX}/${this.weight}/${role}`, attributes);
  }

  /** The node that makes the weight. */
  result(opType: string, inputs: readonly string[], attributes: readonly NewAttribute[] = []): void {
    const name = `${PACKED_PREFIX}/${this.weight}`;
    this.#nodes.push({ name, opType, inputs, outputs: [this.weight], attributes });
  }

  shared(opType: string, inputs: readonly string[], name: string, attributes: readonly NewAttribute[] = []): string {
    return add(this.#shared, opType, inputs, `${PACKED_PREFIX}/${name}`, attributes);
  }

  /** Zeros of the weight's type. */
  zeros(dims: readonly number[], { dataType, zero }: Pick<PackedWeight, "dataType" | "zero">): string {
    const pattern = [...zero].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const name = `zeros_${DATA_TYPES[dataType]?.name}_${pattern}_${dims.join("x")}`;
    const value: NewAttribute = { name: "value", kind: "tensor", value: { dataType, dims: [1], bytes: zero } };
    return this.shared("ConstantOfShape", [this.int64s(dims)], name, [value]);
  }

  /** Ones of every byte, int32 [256, 1]. */
  ones(): string {
    return this.#constant(
      "ones",
      INT32,
      [256, 1],
      Int32Array.from(BYTES, (byte) => rank(byte, 8)),
    );
  }

  /** How many ones are below bit j of a byte, int32 [256, 8]. */
  ranks(): string {
    return this.#constant(
      "ranks",
      INT32,
      [256, 8],
      Int32Array.from(BYTE_BITS, ([byte, j]) => rank(byte, j)),
    );
  }

  /** Whether bit j of a byte is 1, bool [256, 8]. */
  isKept(): string {
    return this.#constant(
      "is_kept",
      BOOL,
      [256, 8],
      Uint8Array.from(BYTE_BITS, ([byte, j]) => (byte >> j) & 1),
    );
  }

  /** The first place along the axis of each slot's group, int32 [slots, 1, …]. */
  groupStarts({ groups, keep, of }: SlotLayout, axesAfter: number): string {
    const starts = Int32Array.from({ length: groups * keep }, (_, slot) => Math.floor(slot / keep) * of);
    const dims = [starts.length, ...new Array<number>(axesAfter).fill(1)];
    return this.#constant(`groups_${keep}_${of}_${dims.join("x")}`, INT32, dims, starts);
  }

  int32(value: number): string {
    return this.#constant(`int32_${value}`, INT32, [], Int32Array.of(value));
  }

  uint8(value: number): string {
    return this.#constant(`uint8_${value}`, UINT8, [], Uint8Array.of(value));
  }

  /** A scalar. */
  int64(value: number): string {
    return this.#constant(`int64_${value}`, INT64, [], BigInt64Array.of(BigInt(value)));
  }

  /** A shape. */
  int64s(values: readonly number[]): string {
    return this.#constant(`shape_${values.join("x")}`, INT64, [values.length], BigInt64Array.from(values, BigInt));
  }

  #constant(name: string, dataType: number, dims: readonly number[], { buffer }: { buffer: ArrayBufferLike }): string {
    const full = `${PACKED_PREFIX}/${name}`;
    this.#constants.push({ name: full, dataType, dims, bytes: new Uint8Array(buffer) });
    return full;
  }
}

const BYTES = Array.from({ length: 256 }, (_, byte) => byte);
const BYTE_BITS = BYTES.flatMap((byte) => Array.from({ length: 8 }, (_, j) => [byte, j] as const));

/** Ones among the lowest `below` bits of a byte. */
function rank(byte: number, below: number): number {
  let ones = 0;
  for (let j = 0; j < below; j++) ones += (byte >> j) & 1;
  return ones;
}

function add(
  to: NewNode[],
  opType: string,
  inputs: readonly string[],
  output: string,
  attributes: readonly NewAttribute[],
): string {
  to.push({ name: output, opType, inputs, outputs: [output], attributes });
  return output;
}
