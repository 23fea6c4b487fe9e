/**
 * Stored elements to the bits of |W| as float32, by integer arithmetic from packed words. So half floats
 * are exact, subnormal ones included, whether or not the device has `shader-f16` (which may flush them),
 * and NaN and Inf, which WGSL may assume away, are seen as what they are.
 */
import type { CodeBits } from "../../../tensor/coding.js";
import type { FloatType } from "../../../tensor/dtypes.js";
import type { StorageOrder } from "../../../tensor/matrix.js";
import type { Binding } from "./kernel.js";

/** How a group of rows or columns is found: WGSL of `index / size`, simpler where it can be. */
export type Grouping = "all" | "each" | number;

/** What is stored, as far as it is written into a kernel. */
export type StoredForm =
  | { readonly kind: "float"; readonly dtype: FloatType }
  | {
      readonly kind: "affine";
      readonly bits: CodeBits;
      readonly signed: boolean;
      readonly rows: Grouping;
      readonly columns: Grouping;
    }
  | { readonly kind: "table"; readonly values: readonly number[]; readonly blockElements: number };

/** A weight as a kernel reads it. */
export interface WeightForm {
  readonly order: StorageOrder;
  readonly stored: StoredForm;
  /** Whether |W| is multiplied by 2^job.shift. */
  readonly shifted: boolean;
}

const WORDS: Binding = { name: "weight", access: "read", type: "array<u32>" };
/** Scale and zero of every group of codes; the zero is 0 for codes of a table. */
const SCALES: Binding = { name: "scales", access: "read", type: "array<vec2<f32>>" };

/** The buffers that `weightCode` reads. */
export const weightBindings = ({ stored }: WeightForm): readonly Binding[] =>
  stored.kind === "float" ? [WORDS] : [WORDS, SCALES];

/**
 * WGSL of `magnitudeAt(o, i)`: the bits of |W| of output row o and input channel i; 0 where the slice does
 * not hold the row or there is no such channel, so that o and i may also lie (wrapped) before the first.
 */
export function weightCode(form: WeightForm): string {
  const { order, stored, shifted } = form;
  const element =
    order === "in-out"
      ? "job.origin + i * job.stride + (o - job.loadFirst)"
      : "job.origin + (o - job.loadFirst) * job.stride + i";
  const [row, column] = order === "in-out" ? ["i", "o"] : ["o", "i"];
  return `${DECODERS[stored.kind](stored as never, row, column)}
${shifted ? SHIFT : ""}
fn magnitudeAt(o: u32, i: u32) -> u32 {
  // Unsigned, so what lies before the first is beyond the last.
  if (o - job.loadFirst >= job.loadCount || i >= job.inputs) {
    return 0u;
  }
  return ${shifted ? "shiftedBits(decode(o, i, ELEMENT))" : "decode(o, i, ELEMENT)"};
}`.replace("ELEMENT", element);
}

type StoredOf<K extends StoredForm["kind"]> = Extract<StoredForm, { kind: K }>;
type Decoder<K extends StoredForm["kind"]> = (stored: StoredOf<K>, row: string, column: string) => string;

const DECODERS: { readonly [K in StoredForm["kind"]]: Decoder<K> } = {
  float: ({ dtype }) => `fn decode(o: u32, i: u32, element: u32) -> u32 {
${FLOATS[dtype]}
}`,
  affine: ({ bits, signed, rows, columns }, row, column) => {
    const perWord = 32 / bits;
    const sign = signed ? 2 ** (bits - 1) : 0;
    return `// scale · (code − zero); elements are packed low bits first.
fn decode(o: u32, i: u32, element: u32) -> u32 {
  let word = weight[element / ${perWord}u];
  let code = (word >> ((element % ${perWord}u) * ${bits}u)) & ${2 ** bits - 1}u;
  let scale = scales[${groupOf(row, rows)} * job.scaleColumns + ${groupOf(column, columns)}];
  return bitcast<u32>(scale.x * (f32(i32(code ^ ${sign}u) - ${sign}) - scale.y)) & 0x7fffffffu;
}`;
  },
  table: ({ values, blockElements }, row, column) => `const VALUES = array<f32, 16>(
  ${values.map((value) => `${value}f`).join(", ")},
);
// scale · VALUES[code]; blocks count through all rows, and the first of two elements is in the high bits.
fn decode(o: u32, i: u32, element: u32) -> u32 {
  let byte = weight[element / 8u] >> (((element / 2u) % 4u) * 8u);
  let code = select(byte & 15u, (byte >> 4u) & 15u, element % 2u == 0u);
  let scale = scales[(${row} * job.scaleColumns + ${column}) / ${blockElements}u];
  return bitcast<u32>(scale.x * VALUES[code]) & 0x7fffffffu;
}`,
};

function groupOf(index: string, grouping: Grouping): string {
  if (grouping === "all") return "0u";
  return grouping === "each" ? index : `(${index} / ${grouping}u)`;
}

const FLOATS = {
  float32: "  return weight[element] & 0x7fffffffu;",
  bfloat16: `  // The upper half of a float32.
  return ((weight[element / 2u] >> ((element % 2u) * 16u)) & 0x7fffu) << 16u;`,
  float16: `  let half = (weight[element / 2u] >> ((element % 2u) * 16u)) & 0x7fffu;
  if (half >= 0x7c00u) {
    // Inf and NaN get float32's largest exponent.
    return 0x7f800000u | (half << 13u);
  }
  if (half >= 0x0400u) {
    // Exponents differ by 112.
    return (half << 13u) + (112u << 23u);
  }
  if (half == 0u) {
    return 0u;
  }
  // Subnormal: half · 2^-24, the leading bit becomes the one that is not written.
  let leading = firstLeadingBit(half);
  return ((leading + 103u) << 23u) | ((half << (23u - leading)) & 0x007fffffu);`,
} as const satisfies Record<FloatType, string>;

const SHIFT = `// Times 2^job.shift, exactly where the result is a normal number; smaller ones become 0. Integers, because
// devices may flush subnormal floats before anything is done with them.
fn shiftedBits(bits: u32) -> u32 {
  if (bits == 0u) {
    return 0u;
  }
  var exponent = i32(bits >> 23u);
  var fraction = bits & 0x007fffffu;
  if (exponent == 0) {
    let leading = firstLeadingBit(fraction);
    exponent = i32(leading) - 22;
    fraction = (fraction << (23u - leading)) & 0x007fffffu;
  }
  exponent += job.shift;
  return select(0u, (u32(exponent) << 23u) | fraction, exponent > 0);
}
`;
