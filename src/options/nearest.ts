/**
 * The nearest known name to one that does not exist, so that an error can ask "did you mean …?".
 * Distances are edits between single letters (insert, delete, replace, swap neighbours), letter
 * case aside; a name that begins with the other (`coef`, `calibrationCount`) is near as well.
 */

/** Shortest beginning that counts as an abbreviation of a longer name. */
const SHORTEST_ABBREVIATION = 4;

/**
 * Number of single-letter edits that turn `a` into `b`, swaps of neighbours included (optimal
 * string alignment distance). Letter case counts.
 */
export function editDistance(a: string, b: string): number {
  // rows[i][j]: distance of the first i letters of a and the first j letters of b.
  const rows = Array.from({ length: a.length + 1 }, (_, i) => Array.from({ length: b.length + 1 }, (_, j) => i + j));
  const at = (i: number, j: number) => rows[i]?.[j] as number;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : Infinity;
      (rows[i] as number[])[j] = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, replaced, swapped);
    }
  }
  return at(a.length, b.length);
}

/**
 * The candidate that `word` was probably meant to be, or null where none is close: at most one
 * edit per three letters of the candidate, or one is an abbreviation of the other.
 */
export function nearest(word: string, candidates: readonly string[]): string | null {
  // No candidate is so long that a longer word could be near; this also bounds the work.
  if (word.length > 100) return null;
  const lower = word.toLowerCase();
  let best: string | null = null;
  let bestDistance = Infinity;
  for (const candidate of candidates) {
    const distance = isAbbreviation(lower, candidate.toLowerCase()) ? 1 : editDistance(lower, candidate.toLowerCase());
    if (distance <= Math.max(1, Math.floor(candidate.length / 3)) && distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function isAbbreviation(a: string, b: string): boolean {
  return Math.min(a.length, b.length) >= SHORTEST_ABBREVIATION && (a.startsWith(b) || b.startsWith(a));
}
