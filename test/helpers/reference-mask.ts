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

/**
 * The order in which members of a group of N:M stay: by score, ties at the cut as a quick select with
 * the median of three as pivot leaves them (see ties.ts of the kernel).
 *
 * @returns indices into `scores`, the first `keep` of which stay
 */
export function quickSelect(scores: readonly number[], keep: number): number[] {
  const order = scores.map((_, index) => index);
  const above = (a: number, b: number) =>
    (scores[order[a] as number] as number) > (scores[order[b] as number] as number);
  const swap = (a: number, b: number) => {
    [order[a], order[b]] = [order[b] as number, order[a] as number];
  };
  let first = 0;
  let last = order.length;
  while (last - first > 3) {
    const [a, b, c] = [first + 1, first + ((last - first) >> 1), last - 1] as const;
    if (above(a, b)) swap(first, above(b, c) ? b : above(a, c) ? c : a);
    else swap(first, above(a, c) ? a : above(b, c) ? c : b);
    let up = first + 1;
    let down = last - 1;
    const meet = () => {
      while (above(up, first)) up++;
      while (above(first, down)) down--;
      return up >= down;
    };
    while (!meet()) swap(up++, down--);
    if (up <= keep - 1) first = up;
    else last = up;
  }
  for (let i = first + 1; i < last; i++) for (let j = i; j > first && above(j, j - 1); j--) swap(j, j - 1);
  return order;
}

/** Share of the scores that stays; 1 where all are 0. */
export function retainedShare(scores: readonly number[], kept: readonly boolean[]): number {
  const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0);
  const total = sum(scores);
  return total === 0 ? 1 : sum(scores.filter((_, k) => kept[k])) / total;
}

/** Which weights stay, [out, in]. */
export function referenceMask(job: ReferenceJob): boolean[] {
  const scores = referenceScores(job);
  const kept = new Array<boolean>(scores.length).fill(false);
  const sets = competitions(job.pattern, job.shape);
  const keep = scores.length - prunedCount(job.pattern, job.shape);
  for (const set of sets) {
    const count = keep / sets.length;
    // Array.sort is stable: equal scores stay in their order.
    const byScore =
      job.pattern.kind === "n:m"
        ? quickSelect(
            set.map((k) => scores[k] as number),
            count,
          ).map((place) => set[place] as number)
        : [...set].sort((a, b) => (scores[b] as number) - (scores[a] as number));
    for (const k of byScore.slice(0, count)) kept[k] = true;
  }
  return kept;
}
