/**
 * Groups of input channels for permuted N:M, slow and plain: what consecutive channels and RIA's
 * heuristic allocation give, all partitions there are, and what any of them retains.
 */

/** Consecutive channels, `of` a group. */
export const inOrder = (channels: number, of: number): number[][] =>
  Array.from({ length: channels / of }, (_, g) => Array.from({ length: of }, (_, c) => g * of + c));

/** RIA's allocation from scores [in, out]: sorted by their sum, dealt out in `of` rounds, every other one backwards. */
export function allocation(scores: Float32Array, shape: { out: number; in: number }, of: number): number[][] {
  const sums = Array.from({ length: shape.in }, (_, i) =>
    scores.subarray(i * shape.out, (i + 1) * shape.out).reduce((a, b) => a + b, 0),
  );
  const sorted = sums.map((_, i) => i).sort((a, b) => (sums[a] as number) - (sums[b] as number));
  const count = shape.in / of;
  return Array.from({ length: count }, (_, g) =>
    Array.from({ length: of }, (_, round) => sorted[round * count + (round % 2 ? count - 1 - g : g)] as number),
  );
}

/** Every way to part channels 0 … channels − 1 into groups of `of`. */
export function* partitions(channels: number, of: number): Generator<number[][]> {
  yield* partitionsOf(
    Array.from({ length: channels }, (_, i) => i),
    of,
  );
}

function* partitionsOf(rest: readonly number[], of: number): Generator<number[][]> {
  const [first, ...others] = rest;
  if (first === undefined) yield [];
  else
    for (const mates of choices(others, of - 1))
      for (const groups of partitionsOf(
        others.filter((i) => !mates.includes(i)),
        of,
      ))
        yield [[first, ...mates], ...groups];
}

function* choices(from: readonly number[], count: number): Generator<number[]> {
  if (count === 0) yield [];
  else
    for (const [k, first] of from.entries())
      for (const rest of choices(from.slice(k + 1), count - 1)) yield [first, ...rest];
}

/** Sum of the `keep` highest scores of every group in every output row, from scores [in, out]. */
export function retainedScore(
  scores: ArrayLike<number>,
  out: number,
  groups: readonly (readonly number[])[],
  keep: number,
): number {
  let sum = 0;
  for (let o = 0; o < out; o++)
    for (const members of groups) {
      const sorted = members.map((i) => scores[i * out + o] as number).sort((a, b) => b - a);
      for (const score of sorted.slice(0, keep)) sum += score;
    }
  return sum;
}
