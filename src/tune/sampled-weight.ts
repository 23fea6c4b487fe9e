/**
 * Sampled output rows of one weight, and their scores by the formula of score/method.ts. Means are
 * those of the whole weight: neighbours that are not sampled count too. They do not depend on the
 * candidate and are computed once, window means once for every size that is asked for.
 */
import { PruneError } from "../errors.js";
import type { Target } from "../graph/index.js";
import type { ScoreTerms } from "../score/index.js";
import type { RowReader } from "./stored-rows.js";

/**
 * Window sizes whose means are kept. A search that converges moves among a few sizes; all sizes of
 * SmolLM2's sample would take 300 MB, these take 77.
 */
const SIZES_KEPT = 8;

/** Rows `from` … `to` of a weight, `to` excluded. */
interface Band {
  readonly from: number;
  readonly to: number;
}

/** A few rows of a weight. */
export class SampledWeight {
  /** The sampled rows as they are stored, signed, [rows, in]. Not to be written to. */
  readonly values: Float32Array;
  /** 1 / mean of |W| over the row, 0 for a row of zeros, [rows]. */
  private readonly rowTerms: Float64Array;
  /** 1 / mean of |W| over the column, [in]; null until a method asks for it. */
  private columnTerms: Float64Array | null = null;
  /** The column term of a candidate, [in]. */
  private readonly byColumn: Float64Array;
  /** |W| / mean of |W| over the neighbourhood, [rows, in], by the neighbourhood's size, latest last. */
  private readonly windowRatios = new Map<number, Float32Array>();

  /**
   * @param rows indices of the sampled output rows, ascending
   * @param rowOf reads the whole weight
   * @throws PruneError `bad-weight` where a sampled row holds NaN or Inf
   */
  constructor(
    readonly target: Target,
    readonly rows: readonly number[],
    private readonly rowOf: RowReader,
  ) {
    const channels = target.shape.in;
    this.values = this.readRows();
    this.byColumn = new Float64Array(channels);
    this.rowTerms = Float64Array.from(rows, (_, r) => {
      const sum = this.values.subarray(r * channels, (r + 1) * channels).reduce((sum, w) => sum + Math.abs(w), 0);
      this.check(sum);
      return sum > 0 ? channels / sum : 0;
    });
  }

  /**
   * Writes the scores of the sampled rows, [rows, in], to the beginning of `scores`.
   *
   * @param factor stat(i)^power, [in]
   * @throws PruneError `bad-weight` where a mean is needed of values that are NaN or Inf
   */
  score(terms: ScoreTerms, factor: Float32Array, scores: Float32Array): void {
    const { values, rowTerms } = this;
    const channels = this.target.shape.in;
    const columnTerms = terms.column === 0 ? null : this.columns();
    const ratios = terms.window === 0 ? null : this.windows(terms.size);
    const byColumn = this.byColumn.fill(0);
    if (columnTerms !== null)
      for (let i = 0; i < channels; i++) byColumn[i] = terms.column * (columnTerms[i] as number);
    for (let r = 0, k = 0; r < rowTerms.length; r++) {
      const byRow = terms.one + terms.row * (rowTerms[r] as number);
      if (ratios === null)
        for (let i = 0; i < channels; i++, k++) {
          const own = Math.abs(values[k] as number) * (byRow + (byColumn[i] as number));
          scores[k] = own * (factor[i] as number);
        }
      else
        for (let i = 0; i < channels; i++, k++) {
          const own = Math.abs(values[k] as number) * (byRow + (byColumn[i] as number));
          scores[k] = (own + terms.window * (ratios[k] as number)) * (factor[i] as number);
        }
    }
  }

  private readRows(): Float32Array {
    const { rows, rowOf } = this;
    const { shape, order } = this.target;
    const values = new Float32Array(rows.length * shape.in);
    if (order === "out-in") for (const [r, o] of rows.entries()) values.set(rowOf(o), r * shape.in);
    else
      for (let i = 0; i < shape.in; i++) {
        const column = rowOf(i);
        for (let r = 0; r < rows.length; r++) values[r * shape.in + i] = column[rows[r] as number] as number;
      }
    return values;
  }

  private columns(): Float64Array {
    if (this.columnTerms !== null) return this.columnTerms;
    const { out } = this.target.shape;
    this.columnTerms = this.bandSums([{ from: 0, to: out }]).map((sum) => (sum > 0 ? out / sum : 0));
    return this.columnTerms;
  }

  private windows(size: number): Float32Array {
    const { windowRatios } = this;
    const known = windowRatios.get(size);
    const [oldest] = windowRatios.keys();
    let ratios = known;
    if (ratios === undefined) {
      if (oldest !== undefined && windowRatios.size >= SIZES_KEPT) {
        ratios = windowRatios.get(oldest);
        windowRatios.delete(oldest);
      }
      ratios ??= new Float32Array(this.values.length);
      this.fillWindowRatios((size - 1) / 2, ratios);
    }
    windowRatios.delete(size);
    windowRatios.set(size, ratios);
    return ratios;
  }

  /** A ratio lies between 0 and the number of cells, so it fits a float32 however small the mean is. */
  private fillWindowRatios(half: number, ratios: Float32Array): void {
    const { rows, values, target } = this;
    const { shape } = target;
    const bands = rows.map((o) => ({ from: Math.max(0, o - half), to: Math.min(shape.out, o + half + 1) }));
    const sums = this.bandSums(bands);
    for (const [r, { from, to }] of bands.entries()) {
      const start = r * shape.in;
      let sum = 0;
      for (let i = 0; i < Math.min(half, shape.in); i++) sum += sums[start + i] as number;
      for (let i = 0; i < shape.in; i++) {
        if (i + half < shape.in) sum += sums[start + i + half] as number;
        if (i - half > 0) sum -= sums[start + i - half - 1] as number;
        const cells = (to - from) * (Math.min(i + half, shape.in - 1) - Math.max(i - half, 0) + 1);
        const own = Math.abs(values[start + i] as number);
        // The sum holds `own`; rounding in the running sum must not say otherwise.
        ratios[start + i] = own > 0 ? (own * cells) / Math.max(own, sum) : 0;
      }
    }
  }

  /** Sums of |W| over the rows of each band, by input channel, [bands, in]. */
  private bandSums(bands: readonly Band[]): Float64Array {
    const { rowOf } = this;
    const { shape, order } = this.target;
    const sums = new Float64Array(bands.length * shape.in);
    if (order === "out-in")
      for (const [b, { from, to }] of bands.entries())
        for (let o = from; o < to; o++) addMagnitudes(rowOf(o), sums, b * shape.in);
    else
      for (let i = 0; i < shape.in; i++) {
        const column = rowOf(i);
        for (let b = 0; b < bands.length; b++) {
          const { from, to } = bands[b] as Band;
          sums[b * shape.in + i] = sumOfMagnitudes(column, from, to);
        }
      }
    for (const sum of sums) this.check(sum);
    return sums;
  }

  private check(sum: number): void {
    if (Number.isFinite(sum)) return;
    const { name } = this.target;
    throw new PruneError(
      "bad-weight",
      `weight "${name}" holds values that are NaN or infinite; export the model again, or exclude it`,
      { details: { weight: name } },
    );
  }
}

function addMagnitudes(row: Float32Array, sums: Float64Array, start: number): void {
  for (let i = 0; i < row.length; i++) sums[start + i] = (sums[start + i] as number) + Math.abs(row[i] as number);
}

function sumOfMagnitudes(values: Float32Array, from: number, to: number): number {
  let sum = 0;
  for (let k = from; k < to; k++) sum += Math.abs(values[k] as number);
  return sum;
}
