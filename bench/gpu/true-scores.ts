/** Scores of single weights in float64 by the definition, for the few on which devices disagree. */
import type { ScoreTerms } from "../../src/score/index.js";
import { type Shape, type StorageOrder, storageIndex } from "../../src/tensor/matrix.js";

/**
 * A function that scores weight (o, i).
 *
 * @param values in storage order
 */
export function trueScores(
  values: Float32Array,
  shape: Shape,
  order: StorageOrder,
  terms: ScoreTerms,
  factor: Float32Array,
): (o: number, i: number) => number {
  const half = (terms.size - 1) / 2;
  const size = (o: number, i: number) => Math.abs(values[storageIndex(shape, order, o, i)] as number);
  const meanOf = (rows: readonly [number, number], channels: readonly [number, number]) => {
    let sum = 0;
    for (let o = rows[0]; o <= rows[1]; o++) for (let i = channels[0]; i <= channels[1]; i++) sum += size(o, i);
    return sum / ((rows[1] - rows[0] + 1) * (channels[1] - channels[0] + 1));
  };
  const known = new Map<string, number>();
  const ratio = (name: string, coefficient: number, mean: () => number) => {
    if (coefficient === 0) return 0;
    const value = known.get(name) ?? mean();
    known.set(name, value);
    return value > 0 ? coefficient / value : 0;
  };
  const near = (at: number, last: number) => [Math.max(0, at - half), Math.min(last, at + half)] as const;
  return (o, i) => {
    const sum =
      terms.one +
      ratio(`row ${o}`, terms.row, () => meanOf([o, o], [0, shape.in - 1])) +
      ratio(`column ${i}`, terms.column, () => meanOf([0, shape.out - 1], [i, i])) +
      ratio(`window ${o} ${i}`, terms.window, () => meanOf(near(o, shape.out - 1), near(i, shape.in - 1)));
    return size(o, i) * sum * (factor[i] as number);
  };
}
