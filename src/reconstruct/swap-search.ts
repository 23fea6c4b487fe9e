/**
 * The best exchange of two weights of a row, exactly, without looking at all pairs: bounds say which weights can be
 * part of a better one than the best so far, and only their pairs are looked at.
 */
import type { Dense } from "../linalg/products.js";

/** One output row while its mask is refined. */
export interface Row {
  /** [in] */
  readonly values: Float32Array;
  /** 1 stays, [in] */
  readonly kept: Uint8Array;
  /** q = G r, the moments times the pruned part of the row, [in] */
  readonly outputs: Float64Array;
}

/** A kept weight that goes, and a pruned one that comes back. */
export interface Swap {
  readonly removed: number;
  readonly restored: number;
}

/** Finds exchanges in one row after the other. */
export interface SwapSearch {
  /** Turns to a row, whose arrays it goes on reading. */
  readonly enter: (row: Row) => void;
  /** The exchange that changes the error most, if that is below `limit` (0 or negative). */
  readonly best: (limit: number) => Swap | null;
  /** Row j of the moments, [in]. */
  readonly momentsOf: (j: number) => Float32Array;
}

const rowsOf = ({ columns, values }: Dense): readonly Float32Array[] =>
  Array.from({ length: values.length / columns }, (_, j) => values.subarray(j * columns, (j + 1) * columns));

/** Writes a_j of every weight: what removing a kept one or restoring a pruned one alone changes. */
function ownChanges({ values, kept, outputs }: Row, diagonal: Float32Array, changes: Float64Array): void {
  for (let j = 0; j < changes.length; j++) {
    const value = values[j] as number;
    const sign = 2 * (kept[j] as number) - 1;
    changes[j] = value * (2 * sign * (outputs[j] as number) + value * (diagonal[j] as number));
  }
}

const diagonalOf = (rows: readonly Float32Array[]): Float32Array =>
  Float32Array.from(rows, (row, j) => row[j] as number);

/** Exchanges within groups of `size` consecutive channels; these have few pairs, and all are looked at. */
export function inGroups(moments: Dense, size: number): SwapSearch {
  const rows = rowsOf(moments);
  const diagonal = diagonalOf(rows);
  const changes = new Float64Array(rows.length);
  let row: Row;
  return {
    momentsOf: (j) => rows[j] as Float32Array,
    enter(next) {
      row = next;
    },
    best(limit) {
      ownChanges(row, diagonal, changes);
      const { values, kept } = row;
      let [lowest, removed, restored] = [limit, -1, -1];
      for (let u = 0; u < kept.length; u++) {
        if (kept[u] === 0) continue;
        const [change, twice, together] = [changes[u] as number, 2 * (values[u] as number), rows[u] as Float32Array];
        const first = u - (u % size);
        for (let p = first; p < first + size; p++) {
          if (kept[p] === 1) continue;
          const whole = change + (changes[p] as number) - twice * (values[p] as number) * (together[p] as number);
          if (whole < lowest) [lowest, removed, restored] = [whole, u, p];
        }
      }
      return removed < 0 ? null : { removed, restored };
    },
  };
}

/**
 * Exchanges of any two channels.
 *
 * With γ_j = |w_j| √(G_jj ρ_j), where ρ_j is the highest correlation of channel j with another, no pair's common term
 * 2 w_u w_p G_up exceeds 2 γ_u γ_p. So no exchange of u changes the error by less than a_u + f(γ_u), where
 * f(c) = min over p of (a_p − 2 c γ_p) is the lower envelope of straight lines; and the same with parts exchanged.
 */
export function anywhere(moments: Dense): SwapSearch {
  const rows = rowsOf(moments);
  const diagonal = diagonalOf(rows);
  const reach = reachOf(rows, diagonal);
  const { length } = rows;
  const changes = new Float64Array(length);
  const gammas = new Float64Array(length);
  const byGamma = Int32Array.from({ length }, (_, j) => j);
  const [staying, pruned] = [new Candidates(length), new Candidates(length)];
  let row: Row;
  return {
    momentsOf: (j) => rows[j] as Float32Array,
    enter(next) {
      row = next;
      for (let j = 0; j < length; j++) gammas[j] = Math.abs(row.values[j] as number) * (reach[j] as number);
      byGamma.sort((a, b) => (gammas[a] as number) - (gammas[b] as number));
    },
    best(limit) {
      ownChanges(row, diagonal, changes);
      const { values, kept } = row;
      staying.fill(byGamma, kept, 1, changes, gammas);
      pruned.fill(byGamma, kept, 0, changes, gammas);
      if (staying.count === 0 || pruned.count === 0) return null;
      let [lowest, removed, restored] = [limit, -1, -1];
      /** Looks at all pairs of a kept weight with those that may come back. */
      const lookAt = (u: number): void => {
        const [change, twice, together] = [changes[u] as number, 2 * (values[u] as number), rows[u] as Float32Array];
        const { count, channels } = pruned;
        // In variables of its own, which stay in registers.
        let least = lowest;
        let at = -1;
        for (let k = 0; k < count; k++) {
          const p = channels[k] as number;
          const whole =
            change + (pruned.changes[k] as number) - twice * (values[p] as number) * (together[p] as number);
          if (whole < least) {
            least = whole;
            at = p;
          }
        }
        if (at >= 0) [lowest, removed, restored] = [least, u, at];
      };
      // Pairs of those that promise most give a limit that leaves few others.
      lookAt(staying.lowest);
      staying.retain(pruned, lowest);
      if (staying.count > 0) lookAt(staying.lowest);
      pruned.retain(staying, lowest);
      for (let k = 0; k < staying.count; k++) lookAt(staying.channels[k] as number);
      return removed < 0 ? null : { removed, restored };
    },
  };
}

/** √(G_jj ρ_j) of every channel. */
function reachOf(rows: readonly Float32Array[], diagonal: Float32Array): Float64Array {
  const norms = Float64Array.from(diagonal, Math.sqrt);
  return Float64Array.from(rows, (row, j) => {
    let most = 0;
    for (let i = 0; i < row.length; i++) {
      const norm = norms[i] as number;
      if (i !== j && norm > 0) most = Math.max(most, Math.abs(row[i] as number) / norm);
    }
    // |G_ij| / √G_ii is √G_jj times the correlation.
    return Math.sqrt(most * (norms[j] as number));
  });
}

/** Weights of one side of an exchange by rising γ, with what their bounds are made of side by side. */
class Candidates {
  count = 0;
  /** The channel that promises most: of lowest own change, or after {@link retain} of lowest bound. */
  lowest = 0;
  readonly channels: Int32Array;
  readonly changes: Float64Array;
  readonly #gammas: Float64Array;
  /** Lines of the lower envelope by rising γ, and the c from which each is the lowest. */
  readonly #lines: Int32Array;
  readonly #starts: Float64Array;

  constructor(length: number) {
    this.channels = new Int32Array(length);
    this.changes = new Float64Array(length);
    this.#gammas = new Float64Array(length);
    this.#lines = new Int32Array(length);
    this.#starts = new Float64Array(length);
  }

  /** Takes all channels whose mask is `side`, in the order given. */
  fill(order: Int32Array, kept: Uint8Array, side: 0 | 1, changes: Float64Array, gammas: Float64Array): void {
    let count = 0;
    let least = Number.POSITIVE_INFINITY;
    for (let k = 0; k < order.length; k++) {
      const j = order[k] as number;
      this.channels[count] = j;
      this.changes[count] = changes[j] as number;
      this.#gammas[count] = gammas[j] as number;
      if (kept[j] !== side) continue;
      count++;
      if ((changes[j] as number) < least) {
        least = changes[j] as number;
        this.lowest = j;
      }
    }
    this.count = count;
  }

  /** Keeps those that with any of `others` could change the error by less than `limit`. */
  retain(others: Candidates, limit: number): void {
    const last = others.#envelope() - 1;
    let count = 0;
    let least = limit;
    for (let k = 0, line = 0; last >= 0 && k < this.count; k++) {
      const change = this.changes[k] as number;
      const gamma = this.#gammas[k] as number;
      while (line < last && (others.#starts[line + 1] as number) <= gamma) line++;
      const other = others.#lines[line] as number;
      const bound = change + (others.changes[other] as number) - 2 * gamma * (others.#gammas[other] as number);
      this.channels[count] = this.channels[k] as number;
      this.changes[count] = change;
      this.#gammas[count] = gamma;
      if (!(bound < limit)) continue;
      count++;
      if (bound < least) {
        least = bound;
        this.lowest = this.channels[count - 1] as number;
      }
    }
    this.count = count;
  }

  /** Finds the lines a − 2 c γ that are the lowest for some c ≥ 0; by rising γ, each begins where it crosses the one before. */
  #envelope(): number {
    let size = 0;
    for (let k = 0; k < this.count; k++) {
      const change = this.changes[k] as number;
      const gamma = this.#gammas[k] as number;
      let start = 0;
      while (size > 0) {
        const top = this.#lines[size - 1] as number;
        const higher = change - (this.changes[top] as number);
        // Of parallel lines the lower one counts.
        const steeper = 2 * (gamma - (this.#gammas[top] as number));
        start = higher <= 0 ? 0 : steeper > 0 ? higher / steeper : Number.POSITIVE_INFINITY;
        if (start > (this.#starts[size - 1] as number)) break;
        size--;
        start = 0;
      }
      if (start === Number.POSITIVE_INFINITY) continue;
      this.#lines[size] = k;
      this.#starts[size] = start;
      size++;
    }
    return size;
  }
}
