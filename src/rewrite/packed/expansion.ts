/**
 * The nodes that expand a packed weight into a value of its old name. They use standard operators
 * only (operator set 11 and later), read constants only, and end in one tensor, so ONNX Runtime
 * folds them into an initializer when it loads the model. It keeps what lies between until all is
 * folded: hence few large values, and tables and zeros that many weights share. docs/packed.md
 * describes the format.
 */
import { DATA_TYPES, type NewAttribute, type NewNode, type NewTensor } from "../../onnx/index.js";
import { outputName, PACKED_PREFIX, placesName, valuesName, zerosName } from "./names.js";
import { elementDims, isFourBits, type PackedForm, type PackedWeight, slotsOf, UINT8 } from "./packed-weight.js";
import type { PairOrder } from "./pairs.js";
import type { SlotLayout } from "./slots.js";

/** The operator set that has BitShift and CumSum. */
export const SMALLEST_OPSET = 11;

const INT8 = 3;
const INT32 = 6;
const INT64 = 7;
const BOOL = 9;

/** What a packed weight adds to a graph, but for the tensors of its own. */
export interface Expansion {
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
 * values, where as many zeros follow, so that no further pass has to sort them out, unless zeros differ.
 */
function expandMask(weight: PackedWeight, kept: number): Expansion {
  const draft = new Draft(weight);
  const places = placesName(weight.name);
  const values = draft.values(0);
  const ranks = draft.shared("Where", [draft.isKept(), draft.ranks(), draft.int32(kept)], `ranks_${kept}`);
  const zeros = draft.zeros([kept + 1], weight.zeros.kind === "one" ? weight.zeros.bytes : Uint8Array.of(0));
  const bytes = draft.node("Cast", [places], "bytes", [int("to", INT32)]);
  const counts = draft.node("Gather", [draft.ones(), bytes], "counts");
  const starts = draft.node("CumSum", [counts, draft.int64(0)], "starts", [int("exclusive", 1)]);
  const inByte = draft.node("Gather", [ranks, bytes], "ranks");
  const indices = draft.node("Add", [starts, inByte], "indices");
  const padded = draft.node("Concat", [values, zeros], "padded", [int("axis", 0)]);
  const elements = draft.node("Gather", [padded, indices], "elements");
  if (weight.zeros.kind === "one") return draft.finish(elements, "eights");
  const shape = draft.int64s(elementDims(weight));
  const isKept = draft.node("Gather", [draft.isKept(), bytes], "kept");
  const [condition, inPlace] = [
    draft.node("Reshape", [isKept, shape], "kept_in_place"),
    draft.node("Reshape", [elements, shape], "in_place"),
  ];
  return draft.finish(draft.node("Where", [condition, inPlace, zerosName(weight.name)], "with_zeros"), "in place");
}

/** Slots know their group by where they are: the code joins in, and one scatter puts the values in their places. */
function expandSlots(weight: PackedWeight, form: Extract<PackedForm, { kind: "slots" }>): Expansion {
  const layout = slotsOf(weight, form);
  const { axis } = form;
  const dims = elementDims(weight);
  const draft = new Draft(weight);
  const values = draft.values(axis);
  const codes = draft.planes(placesName(weight.name), layout.bits, axis, ["low", "plane", "codes"]);
  const inGroup = draft.node("Cast", [codes], "in_group", [int("to", INT32)]);
  const indices = draft.node("Add", [inGroup, draft.groupStarts(layout, dims.length - axis - 1)], "indices");
  const zeros =
    weight.zeros.kind === "one"
      ? draft.zeros(dims, weight.zeros.bytes)
      : draft.node("Expand", [zerosName(weight.name), draft.int64s(dims)], "all_zeros");
  return draft.finish(
    draft.node("ScatterElements", [zeros, indices, values], "elements", [int("axis", axis)]),
    "in place",
  );
}

const int = (name: string, value: number): NewAttribute => ({ name, kind: "int", value });
const LEFT: NewAttribute = { name: "direction", kind: "string", value: "LEFT" };
const RIGHT: NewAttribute = { name: "direction", kind: "string", value: "RIGHT" };

/** Nodes and constants of one expansion while they are written down. */
class Draft {
  readonly #nodes: NewNode[] = [];
  readonly #shared: NewNode[] = [];
  readonly #constants: NewTensor[] = [];

  constructor(readonly weight: PackedWeight) {}

  /** A node of this weight; returns its output's name. */
  node(opType: string, inputs: readonly string[], role: string, attributes: readonly NewAttribute[] = []): string {
    return add(this.#nodes, opType, inputs, outputName(this.weight.name, role), attributes);
  }

  /** The kept elements, one each; codes of four bits in bytes. @param axis along which pairs lie by planes */
  values(axis: number): string {
    const { weight } = this;
    const stored = valuesName(weight.name);
    if (weight.pairs !== null) return this.planes(stored, 4, axis, ["value_low", "value_plane", "all_values"]);
    return isFourBits(weight) ? this.node("Cast", [stored], "all_values", [int("to", byteType(weight))]) : stored;
  }

  /** Numbers of a few bits that share bytes by planes, a byte each. @param roles of the nodes between, and of the last */
  planes(source: string, bits: number, axis: number, [low, plane, all]: readonly [string, string, string]): string {
    const planes = Array.from({ length: Math.floor(8 / bits) }, (_, p) => {
      const above = 8 - bits * (p + 1);
      const shifted = above === 0 ? source : this.node("BitShift", [source, this.uint8(above)], `${low}_${p}`, [LEFT]);
      return this.node("BitShift", [shifted, this.uint8(8 - bits)], `${plane}_${p}`, [RIGHT]);
    });
    return this.node("Concat", planes, all, [int("axis", axis)]);
  }

  /**
   * From elements to the weight, which the last node makes: pairs of codes share a byte again, integers of four bits
   * become such.
   *
   * @param shaped how the elements lie: "in place", or "eights" behind each other
   */
  finish(elements: string, shaped: "eights" | "in place"): Expansion {
    const { pairs, dims, dataType, name } = this.weight;
    const shape = () => this.int64s(dims);
    if (pairs !== null) {
      const eights = shaped === "eights" ? elements : this.node("Reshape", [elements, this.int64s([-1, 8])], "eights");
      // No operator of set 11 joins bits of bytes; a product with 1 and 16 does, and is exact.
      const joined = this.node("MatMulInteger", [eights, this.joiner(pairs)], "joined");
      const bytes = this.node("Cast", [joined], "joined_bytes", [int("to", UINT8)]);
      this.node("Reshape", [bytes, shape()], "in_place");
    } else {
      const inPlace = shaped === "in place" ? elements : this.node("Reshape", [elements, shape()], "in_place");
      if (isFourBits(this.weight)) this.node("Cast", [inPlace], "as_stored", [int("to", dataType)]);
    }
    const last = this.#nodes.pop() as NewNode;
    this.#nodes.push({ ...last, name: `${PACKED_PREFIX}/${name}`, outputs: [name] });
    return { nodes: this.#nodes, shared: this.#shared, constants: this.#constants };
  }

  shared(opType: string, inputs: readonly string[], name: string, attributes: readonly NewAttribute[] = []): string {
    return add(this.#shared, opType, inputs, `${PACKED_PREFIX}/${name}`, attributes);
  }

  /** As many zeros of the type that elements have between. */
  zeros(dims: readonly number[], zero: Uint8Array): string {
    const dataType = byteType(this.weight);
    const pattern = [...zero].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const name = `zeros_${DATA_TYPES[dataType]?.name}_${pattern}_${dims.join("x")}`;
    const value: NewAttribute = { name: "value", kind: "tensor", value: { dataType, dims: [1], bytes: zero } };
    return this.shared("ConstantOfShape", [this.int64s(dims)], name, [value]);
  }

  /** What makes four bytes of eight codes, uint8 [8, 4]. */
  joiner(order: PairOrder): string {
    const factors = new Uint8Array(32);
    const [first, second] = (order === "low-first" ? [1, 16] : [16, 1]) as [number, number];
    for (let byte = 0; byte < 4; byte++) {
      factors[4 * (2 * byte) + byte] = first;
      factors[4 * (2 * byte + 1) + byte] = second;
    }
    return this.#constant(`join_${order}`, UINT8, [8, 4], factors);
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

/** Type of an element between values and weight. */
function byteType({ dataType }: PackedWeight): number {
  if (DATA_TYPES[dataType]?.bits !== 4) return dataType;
  return DATA_TYPES[dataType]?.name === "int4" ? INT8 : UINT8;
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
