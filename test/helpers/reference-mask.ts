/**
 * Scores and masks by the definition, in float64, with plain loops: slow and easy to check by eye.
 * What every device is held to.
 */
import { type Pattern, prunedCount } from "../../src/pattern/index.js";
import type { ScoreTerms } from "../../src/score/index.js";
import type { Shape } from "../../src/tensor/matrix.js";

/** A weight and how to score it; `values` are what its storage holds, [out, in]. */
export interface ReferenceJob {
  readonly shape: Shape;
  readonly values: readonly number[];
  readonly terms: ScoreTerms;
  readonly factor: readonly number[];
  readonly pattern: Pattern;
}

/** Scores, [out, in]. */
export function referenceScores({ shape, values, terms, factor }: ReferenceJob): number[] {
  const size = (o: number, i: number) => Math.abs(values[o * shape.in + i] as number);
  const meanOf = (rows: readonly [number, number], columns: readonly [number, number]) => {
    let sum = 0;
    for (let o = rows[0]; o <= rows[1]; o++) for (let i = columns[0]; i <= columns[1]; i++) sum += size(o, i);
    return sum / ((rows[1] - rows[0] + 1) * (columns[1] - columns[0] + 1));
  };
  const allRows = [0, shape.out - 1] as const;
  const allColumns = [0, shape.in - 1] as const;
  const rowMeans = Array.from({ length: shape.out }, (_, o) => meanOf([o, o], allColumns));
  const columnMeans = Array.from({ length: shape.in }, (_, i) => meanOf(allRows, [i, i]));
  const half = (terms.size - 1) / 2;
  const near = (center: number, last: number) => [Math.max(0, center - half), Math.min(last, center + half)] as const;
  const ratio = (coefficient: number, mean: number) => (mean === 0 ? 0 : coefficient / mean);
  return values.map((_, k) => {
    const [o, i] = [Math.floor(k / shape.in), k % shape.in];
    const windowMean = terms.window === 0 ? 0 : meanOf(near(o, shape.out - 1), near(i, shape.in - 1));
    const sum =
      ratio(terms.row, rowMeans[o] as number) +
      ratio(terms.column, columnMeans[i] as number) +
      ratio(terms.window, windowMean) +
      terms.one;
    return size(o, i) * sum * (factor[i] as number);
  });
}

/** The sets in which scores compete: indices o · in + i, in the order in which ties are kept. */
export function competitions(pattern: Pattern, shape: Shape): number[][] {
  const all = Array.from({ length: shape.out * shape.in }, (_, k) => k);
  const length = pattern.kind === "n:m" ? pattern.of : pattern.scope === "row" ? shape.in : all.length;
  return Array.from({ length: all.length / length }, (_, set) => all.slice(set * length, (set + 1) * length));
}

/** Which weights stay, [out, in]. */
export function referenceMask(job: ReferenceJob): boolean[] {
  const scores = referenceScores(job);
  const kept = new Array<boolean>(scores.length).fill(false);
  const sets = competitions(job.pattern, job.shape);
  const keep = scores.length - prunedCount(job.pattern, job.shape);
  for (const set of sets) {
    // Array.sort is stable: equal scores stay in their order.
    const byScore = [...set].sort((a, b) => (scores[b] as number) - (scores[a] as number));
    for (const k of byScore.slice(0, keep / sets.length)) kept[k] = true;
  }
  return kept;
}
