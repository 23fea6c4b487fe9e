/**
 * What the stored bytes of a weight stand for: floats, or codes of a few bits whose values a scale for
 * each group of elements gives. Plain data without functions, so that it can be handed to a thread or a
 * kernel; `codes.mjs` decodes it. Rows and columns are those of the storage, whichever axis they are.
 */
import type { FloatType } from "./dtypes.js";

/** Elements are floats, little-endian, without gaps. */
export interface FloatCoding {
  readonly kind: "float";
  readonly dtype: FloatType;
}

/** Bits of an affine code. */
export type CodeBits = 2 | 4 | 8;

/** value = scale · (code − zero). Elements are packed low bits first. */
export interface AffineCoding {
  readonly kind: "affine";
  readonly bits: CodeBits;
  /** Whether codes are two's complement. */
  readonly signed: boolean;
  /** Elements that one stored row takes: the columns, and the padding behind them. */
  readonly rowElements: number;
  /** Rows and columns that share a scale; the last group of an axis may be short. */
  readonly rowGroup: number;
  readonly columnGroup: number;
  /** [groups of rows, groups of columns]; may be negative. */
  readonly scales: Float32Array;
  /** Code of the value 0: one for all, or as `scales`. */
  readonly zeros: number | Int16Array;
}

/** value = scale · values[code], four bits a code, flat, the first of two elements in the high bits. */
export interface TableCoding {
  readonly kind: "table";
  /** What the 16 codes stand for. */
  readonly values: readonly number[];
  /** A code whose value is 0. */
  readonly zero: number;
  /** Elements that share a scale, counted through all rows. */
  readonly blockElements: number;
  readonly scales: Float32Array;
}

/** Weights stored as codes. */
export type QuantisedCoding = AffineCoding | TableCoding;

/** How a weight is stored. */
export type Coding = FloatCoding | QuantisedCoding;

/**
 * The values of bitsandbytes' 4-bit types, each by its code, and the code of zero; as ONNX Runtime has
 * them (onnxruntime/contrib_ops/cpu/quantization/blockwise_quant_block_bnb4.h). NF4 is that of QLoRA,
 * https://arxiv.org/abs/2305.14314, appendix E.
 */
export const CODE_TABLES = {
  fp4: {
    values: [
      0, 0.005208333333, 0.66666667, 1, 0.33333333, 0.5, 0.16666667, 0.25, -0, -0.005208333333, -0.66666667, -1,
      -0.33333333, -0.5, -0.16666667, -0.25,
    ],
    zero: 0,
  },
  nf4: {
    values: [
      -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
      -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
      0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
    ],
    zero: 7,
  },
} as const satisfies Record<string, { readonly values: readonly number[]; readonly zero: number }>;

/** Name of a 4-bit type whose codes are looked up. */
export type CodeTable = keyof typeof CODE_TABLES;
