/**
 * The values that stored codes can stand for, as something to round to: a weight that is updated stays on the
 * grid of its own scales and zeros, and nothing is quantised anew.
 */
import type { QuantisedCoding } from "./coding.js";
import type { Shape, StorageOrder } from "./matrix.js";
import { codeBookOf, groupOf } from "./nearest-code.js";

/** Rounds values of a weight to those that its codes can stand for. */
export interface Grid {
  /** Rounds channel `i` of all output rows, in place. @param values [out] */
  readonly roundChannel: (i: number, values: Float32Array) => void;
}

/**
 * The grid of a weight that is stored as codes. What lies outside the range of codes becomes the outermost value;
 * where a scale is 0, every value becomes 0.
 */
export function gridOf(coding: QuantisedCoding, shape: Shape, order: StorageOrder): Grid {
  const { codeFor, valueFor } = codeBookOf(coding);
  const groupAt = groupOf(coding, { shape, order });
  return {
    roundChannel(i, values) {
      for (let o = 0; o < values.length; o++) {
        const group = order === "in-out" ? groupAt(i, o) : groupAt(o, i);
        values[o] = valueFor(codeFor(values[o] as number, group), group);
      }
    },
  };
}
