/**
 * Eigenvalues and eigenvectors of a symmetric tridiagonal matrix by divide and conquer (Cuppen 1981; Gu & Eisenstat
 * 1995): two halves are solved, and joining them is a change of rank one. What both halves already agree on is not
 * computed again, so that matrices with many equal eigenvalues, as those of few tokens, are the fastest.
 */
import type { LinalgOptions } from "./factorise.js";
import { Pauses } from "./pauses.js";
import { plainProducts } from "./plain-products.js";
import type { Dense } from "./products.js";
import { type SecularRoot, secularRoot } from "./secular-equation.js";

/** Eigenvalues, ascending, and eigenvectors of length 1. */
export interface EigenRows {
  /** [size] */
  readonly values: Float64Array;
  /** [size, size]: the eigenvector of value k is row k. */
  readonly vectors: Float64Array;
}

/** Sizes up to which calls cost more than the arithmetic in them. */
const PLAIN = 48;
/** Eigenvectors that are computed at a time. */
const STRIP = 256;

/**
 * All eigenvalues and eigenvectors of the matrix with this diagonal, [size], and the elements beside it, [size − 1].
 *
 * @throws RangeError where one is not finite; the signal's reason when it is aborted
 */
export async function tridiagonalEigen(
  diagonal: Float64Array,
  offDiagonal: Float64Array,
  options: LinalgOptions,
): Promise<EigenRows> {
  const largest = Math.max(
    ...[diagonal, offDiagonal].map((part) => part.reduce((a, b) => Math.max(a, Math.abs(b)), 0)),
  );
  if (!Number.isFinite(largest)) throw new RangeError("a matrix whose eigenvalues are asked for is not finite");
  if (diagonal.length === 0) return { values: new Float64Array(), vectors: new Float64Array() };
  // Tolerances are for matrices whose elements are at most 1.
  const scale = largest || 1;
  const by = (part: Float64Array) => part.map((value) => value / scale);
  const solver = new DivideAndConquer(options);
  const { values, vectors } = await solver.solve(by(diagonal), by(offDiagonal));
  return { values: values.map((value) => value * scale), vectors };
}

class DivideAndConquer {
  private readonly pauses: Pauses;

  constructor(private readonly options: LinalgOptions) {
    this.pauses = new Pauses(options.signal);
  }

  async solve(diagonal: Float64Array, offDiagonal: Float64Array): Promise<EigenRows> {
    const size = diagonal.length;
    if (size === 1) return { values: diagonal, vectors: Float64Array.of(1) };
    const middle = size >> 1;
    const beside = offDiagonal[middle - 1] as number;
    // T is both halves, each without |beside| at its corner, and |beside| · u uᵀ, u being 1 before and ±1 behind the cut.
    const [first, second] = [diagonal.slice(0, middle), diagonal.slice(middle)];
    first[middle - 1] = (first[middle - 1] as number) - Math.abs(beside);
    second[0] = (second[0] as number) - Math.abs(beside);
    const upper = await this.solve(first, offDiagonal.subarray(0, middle - 1));
    const lower = await this.solve(second, offDiagonal.subarray(middle));
    return this.joined(new Halves(upper, lower, beside));
  }

  private async joined(halves: Halves): Promise<EigenRows> {
    const { kept, size } = halves;
    const d = Float64Array.from(kept, (i) => halves.values[i] as number);
    const z = Float64Array.from(kept, (i) => halves.z[i] as number);
    const roots: SecularRoot[] = [];
    for (let k = 0; k < kept.length; k++) {
      await this.pauses.between();
      roots.push(secularRoot(k, d, z, halves.rho));
    }
    const values = new Float64Array(size);
    for (const [k, { origin, offset }] of roots.entries()) values[k] = (d[origin] as number) + offset;
    for (const [k, i] of halves.settled.entries()) values[kept.length + k] = halves.values[i] as number;
    const order = Array.from(values.keys()).sort((a, b) => (values[a] as number) - (values[b] as number));
    /** Where each eigenvector goes. */
    const place = new Uint32Array(size);
    for (const [k, index] of order.entries()) place[index] = k;
    const vectors = new Float64Array(size * size);
    for (const [k, i] of halves.settled.entries()) halves.copy(i, vectors, place[kept.length + k] as number);
    const corrected = await this.corrected(d, z, roots);
    for (let from = 0; from < roots.length; from += STRIP) {
      const strip = { roots: roots.slice(from, from + STRIP), places: place.subarray(from) };
      await this.writeVectors(halves, d, corrected, strip, vectors);
    }
    return { values: Float64Array.from(order, (index) => values[index] as number), vectors };
  }

  /**
   * The z for which the roots that were found are exact (Löwner's formula): eigenvectors made of it are orthogonal
   * however close two roots are (Gu & Eisenstat 1994).
   */
  private async corrected(d: Float64Array, z: Float64Array, roots: readonly SecularRoot[]): Promise<Float64Array> {
    const squares = new Float64Array(d.length).fill(-1);
    for (const [i, { origin, offset }] of roots.entries()) {
      await this.pauses.between();
      const [from, own] = [d[origin] as number, d[i] as number];
      for (let j = 0; j < d.length; j++) {
        const distance = (d[j] as number) - from - offset;
        const ratio = j === i ? distance : distance / ((d[j] as number) - own);
        squares[j] = (squares[j] as number) * ratio;
      }
    }
    return squares.map((square, j) => Math.sign(z[j] as number) * Math.sqrt(Math.max(0, square)));
  }

  /** Eigenvectors of some roots: of the change of rank one, times those of the halves. */
  private async writeVectors(
    halves: Halves,
    d: Float64Array,
    z: Float64Array,
    { roots, places }: { readonly roots: readonly SecularRoot[]; readonly places: Uint32Array },
    into: Float64Array,
  ): Promise<void> {
    const { kept, size, parts } = halves;
    const mixture = new Float64Array(roots.length * kept.length);
    for (const [r, { origin, offset }] of roots.entries()) {
      const from = d[origin] as number;
      const row = mixture.subarray(r * kept.length, (r + 1) * kept.length);
      let squares = 0;
      for (let j = 0; j < row.length; j++) {
        const element = (z[j] as number) / ((d[j] as number) - from - offset);
        row[j] = element;
        squares += element * element;
      }
      const norm = Math.sqrt(squares);
      for (let j = 0; j < row.length; j++) row[j] = (row[j] as number) / norm;
    }
    const products = size <= PLAIN ? plainProducts() : this.options.products;
    for (const part of parts) {
      this.options.signal?.throwIfAborted();
      // Of a half, only those that have something in it.
      const members = [...kept.keys()].filter((j) => part.rows[kept[j] as number] !== undefined);
      const product = await products.multiply(
        columnsOf(mixture, kept.length, members),
        stacked(
          members.map((j) => part.rows[kept[j] as number] as Float64Array),
          part.length,
        ),
      );
      for (let r = 0; r < roots.length; r++)
        into.set(
          product.values.subarray(r * part.length, (r + 1) * part.length),
          (places[r] as number) * size + part.start,
        );
    }
  }
}

/** One half of the rows that eigenvectors have, and what eigenvectors of both halves have there, if anything. */
interface Part {
  readonly start: number;
  readonly length: number;
  readonly rows: (Float64Array | undefined)[];
}

/** Two solved halves before they are joined: D + rho · z zᵀ in the basis of their eigenvectors. */
class Halves {
  readonly size: number;
  /** Eigenvalues of both halves, [size]; where two were the same, as rotated. */
  readonly values: Float64Array;
  /** [size] */
  readonly z: Float64Array;
  readonly rho: number;
  readonly parts: readonly [Part, Part];
  /** Eigenvectors that change, in the order of their values, which all differ. */
  readonly kept: number[] = [];
  /** Eigenvectors that are those of the whole matrix already. */
  readonly settled: number[] = [];

  constructor(upper: EigenRows, lower: EigenRows, beside: number) {
    const [first, second] = [upper.values.length, lower.values.length];
    this.size = first + second;
    this.values = new Float64Array(this.size);
    this.values.set(upper.values);
    this.values.set(lower.values, first);
    const rows = ({ vectors, values: { length } }: EigenRows) =>
      Array.from({ length }, (_, k) => vectors.subarray(k * length, (k + 1) * length));
    const none = (length: number) => Array.from<undefined>({ length });
    this.parts = [
      { start: 0, length: first, rows: [...rows(upper), ...none(second)] },
      { start: first, length: second, rows: [...none(first), ...rows(lower)] },
    ];
    // Of length 1, since u has length √2.
    const side = beside < 0 ? -1 : 1;
    this.z = Float64Array.from({ length: this.size }, (_, k) => {
      const atCut =
        k < first ? upper.vectors[(k + 1) * first - 1] : side * (lower.vectors[(k - first) * second] as number);
      return (atCut as number) / Math.SQRT2;
    });
    this.rho = 2 * Math.abs(beside);
    this.settle();
  }

  /** Writes eigenvector i as row `place` of a matrix. */
  copy(i: number, into: Float64Array, place: number): void {
    for (const { start, rows } of this.parts) {
      const row = rows[i];
      if (row !== undefined) into.set(row, place * this.size + start);
    }
  }

  /** Finds what need not change: where z is nothing but rounding, or can be made so because two values are the same. */
  private settle(): void {
    const { values, z, rho } = this;
    const order = Array.from(values.keys()).sort((a, b) => (values[a] as number) - (values[b] as number));
    const largest = Math.max(...[values, z].map((each) => each.reduce((a, b) => Math.max(a, Math.abs(b)), 0)));
    const tolerance = 4 * Number.EPSILON * largest;
    let last: number | undefined;
    for (const i of order) {
      if (rho * Math.abs(z[i] as number) <= tolerance) {
        this.settled.push(i);
        continue;
      }
      if (last !== undefined) (this.rotated(last, i, tolerance) ? this.settled : this.kept).push(last);
      last = i;
    }
    if (last !== undefined) this.kept.push(last);
  }

  /** Turns two eigenvectors so that z of the first is 0, where that leaves D diagonal but for rounding. */
  private rotated(a: number, b: number, tolerance: number): boolean {
    const { values, z, parts } = this;
    const length = Math.hypot(z[a] as number, z[b] as number);
    const [cosine, sine] = [(z[b] as number) / length, -(z[a] as number) / length];
    const [first, second] = [values[a] as number, values[b] as number];
    if (Math.abs((second - first) * cosine * sine) > tolerance) return false;
    z[a] = 0;
    z[b] = length;
    values[a] = first * cosine ** 2 + second * sine ** 2;
    values[b] = first * sine ** 2 + second * cosine ** 2;
    for (const { length: columns, rows } of parts) {
      if (rows[a] === undefined && rows[b] === undefined) continue;
      const [x, y] = [rows[a] ?? new Float64Array(columns), rows[b] ?? new Float64Array(columns)];
      for (let k = 0; k < columns; k++) {
        const [xk, yk] = [x[k] as number, y[k] as number];
        x[k] = cosine * xk + sine * yk;
        y[k] = cosine * yk - sine * xk;
      }
      rows[a] = x;
      rows[b] = y;
    }
    return true;
  }
}

/** Some columns of a matrix with `columns` columns. */
function columnsOf(values: Float64Array, columns: number, members: readonly number[]): Dense<Float64Array> {
  const rows = values.length / columns;
  const picked = new Float64Array(rows * members.length);
  for (let r = 0, k = 0; r < rows; r++)
    for (const member of members) picked[k++] = values[r * columns + member] as number;
  return { rows, columns: members.length, values: picked };
}

/** Rows of one length as a matrix. */
function stacked(rows: readonly Float64Array[], columns: number): Dense<Float64Array> {
  const values = new Float64Array(rows.length * columns);
  for (const [k, row] of rows.entries()) values.set(row, k * columns);
  return { rows: rows.length, columns, values };
}
