/**
 * Mask and values together, by the alternating direction method of multipliers: one copy of the weight minimises the
 * output error, the other has the pattern, and a penalty that grows pulls them together; then least squares on the
 * support that is left. (ALPS, Meng et al., arXiv 2406.07831, with penalties in fixed steps: what enters the layer then
 * has four inverses, shared by all weights that read it, where ALPS takes an eigendecomposition and two products.)
 */
import { Cholesky } from "../linalg/cholesky.js";
import { LowerTiles } from "../linalg/lower-tiles.js";
import type { Dense } from "../linalg/products.js";
import { packedIndex } from "../linalg/second-moments.js";
import { free } from "../tensor/free.js";
import { checkJob } from "./check-job.js";
import type { UpdatedWeight, WeightJob } from "./job.js";
import type { LayerInput } from "./layer-input.js";
import { leastSquares, rowErrors } from "./least-squares.js";
import { type ObsSettings, obs } from "./obs.js";
import { keepLargest } from "./project.js";

/** The update that this one must not be worse than, and how long to try. */
export interface AdmmSettings {
  /** A greedy update, such as OBS; where it has less error than what was found, its result stays. */
  readonly rival: (job: WeightJob, input: LayerInput) => Promise<UpdatedWeight>;
  /** Penalties, one after the other, for channels scaled to a second moment of 1. */
  readonly penalties: readonly number[];
  /** Iterations under each penalty; each is one product of [out, in] by [in, in]. */
  readonly iterations: number;
  /** Iterations of least squares at the end, at most. */
  readonly polish: number;
}

export const ADMM_DEFAULTS = {
  penalties: [0.1, 0.2, 0.4, 0.8],
  iterations: 5,
  polish: 15,
} as const satisfies Omit<AdmmSettings, "rival">;

/** What came out, and what it took. */
export interface AdmmResult extends UpdatedWeight {
  /** Products of the whole weight by an [in, in] matrix, those of the rival left out. */
  readonly products: number;
  /** Output rows that are the rival's. */
  readonly rivalRows: number;
}

/** Values that are multiplied at a time. */
const BLOCK_VALUES = 2 ** 20;
/** Iterations go on while at least this share of the mask changes. */
const LEAST_CHANGE = 1e-4;

/**
 * Prunes a weight: the mask begins as the method's (`job.kept`) or as the largest values of the scaled weight, and
 * moves. Its count is exact. The error is never above the rival's: of each row, or where rows compete with each other
 * of the whole weight, the better result stays, after least squares on both.
 *
 * A permuted N:M pattern has groups that only its mask knows; that mask then stays, and values alone move.
 *
 * @throws PruneError `bad-weight` where a value is not finite; what the rival throws; the signal's reason
 */
export async function admm(job: WeightJob, input: LayerInput, settings: AdmmSettings): Promise<AdmmResult> {
  const fixed = job.pattern.kind === "n:m" && job.pattern.permute;
  checkJob(job, input, { choosesMask: fixed && job.kept === null });
  const rival = await settings.rival(job, input);
  if (fixed) return await polished(job, input, settings, [rival]);
  const search = new Search(job, input, await scaledInput(input));
  await search.run(settings);
  const found = { values: search.values(), kept: search.kept };
  const result = await polished(job, input, settings, [found, rival]);
  return { ...result, products: result.products + search.products };
}

/**
 * The same with all its defaults and OBS as the rival.
 *
 * @throws as {@link admm}
 */
export const admmBesideObs = (job: WeightJob, input: LayerInput, settings: ObsSettings): Promise<AdmmResult> =>
  admm(job, input, { ...ADMM_DEFAULTS, rival: (job, input) => obs(job, input, settings) });

/** Each result after least squares on its support, and of these the better, by row where rows do not compete. */
async function polished(
  { shape, values: dense, pattern }: WeightJob,
  input: LayerInput,
  { polish }: AdmmSettings,
  results: readonly UpdatedWeight[],
): Promise<AdmmResult> {
  const { damping, signal } = input.options;
  const size = { rows: shape.out, columns: shape.in };
  const [first, second] = results as [UpdatedWeight, UpdatedWeight | undefined];
  const solve = async ({ values: start, kept }: UpdatedWeight) =>
    await leastSquares({ shape, dense, start, kept }, input, { damping, iterations: polish, tolerance: 1e-4, signal });
  const best = await solve(first);
  let { products } = best;
  const kept = first.kept.slice();
  if (second === undefined) return { values: best.values, kept, products, rivalRows: 0 };
  // The rival is polished only where it is ahead as it is, which is rare; so it is never better than the result.
  const difference = dense.map((w, k) => w - (second.values[k] as number));
  const errors = await rowErrors({ ...size, values: difference }, input);
  free(difference);
  products++;
  const byRow = pattern.kind === "n:m" || pattern.scope === "row";
  const total = (of: Float64Array) => of.reduce((a, b) => a + b, 0);
  const wholeIsRival = !byRow && total(errors) < total(best.after);
  const isRival = Array.from(errors, (e, o) => (byRow ? e < (best.after[o] as number) : wholeIsRival));
  const rows = isRival.flatMap((rival, o) => (rival ? [o] : []));
  if (rows.length === 0) return { values: best.values, kept, products, rivalRows: 0 };
  const take = <T extends Float32Array | Uint8Array>(from: T, into: T) => {
    for (const [k, o] of rows.entries()) into.set(from.subarray(o * shape.in, (o + 1) * shape.in), k * shape.in);
    return into;
  };
  const part = { out: rows.length, in: shape.in };
  const better = await leastSquares(
    {
      shape: part,
      dense: take(dense, new Float32Array(part.out * part.in)),
      start: take(second.values, new Float32Array(part.out * part.in)),
      kept: take(second.kept, new Uint8Array(part.out * part.in)),
    },
    input,
    { damping, iterations: polish, tolerance: 1e-4, signal },
  );
  for (const [k, o] of rows.entries()) {
    best.values.set(better.values.subarray(k * shape.in, (k + 1) * shape.in), o * shape.in);
    kept.set(second.kept.subarray(o * shape.in, (o + 1) * shape.in), o * shape.in);
  }
  products += (better.products * rows.length) / shape.out;
  return { values: best.values, kept, products, rivalRows: rows.length };
}

/**
 * The iterations on one weight, on values multiplied by each channel's scale. With the dual in units of the penalty,
 * D = P(S), V = S − D: what has the pattern lies on the mask and the dual beside it, so S and the mask are all state.
 */
class Search {
  readonly kept: Uint8Array;
  products = 0;
  /** S = B + V, [out, in] */
  readonly #state: Float32Array;

  constructor(
    private readonly job: WeightJob,
    private readonly input: LayerInput,
    private readonly scaled: ScaledInput,
  ) {
    const { values, kept, shape } = job;
    this.#state = values.map((w, k) => w * (scaled.scale[k % shape.in] as number));
    this.kept = kept?.slice() ?? new Uint8Array(values.length);
    if (kept === null) keepLargest(this.#state, job.pattern, shape, this.kept);
    // No dual yet.
    this.#scaleDual(0);
  }

  async run({ penalties, iterations }: AdmmSettings): Promise<void> {
    const { shape, pattern } = this.job;
    let last: number | undefined;
    for (const penalty of penalties) {
      // The dual is kept in units of the penalty.
      if (last !== undefined) this.#scaleDual(last / penalty);
      last = penalty;
      const inverse = await this.scaled.inverse(penalty);
      let changed = 0;
      for (let done = 0; done < iterations; done++) {
        this.input.options.signal?.throwIfAborted();
        await this.#step(penalty, inverse);
        changed = keepLargest(this.#state, pattern, shape, this.kept);
        if (changed === 0) break;
      }
      if (changed < LEAST_CHANGE * this.kept.length) break;
    }
  }

  /** What has the pattern, in the weight's own units, [out, in]. */
  values(): Float32Array {
    const { scale } = this.scaled;
    const inputs = this.job.shape.in;
    const values = new Float32Array(this.#state.length);
    for (let k = 0, i = 0; k < values.length; k++, i = i + 1 === inputs ? 0 : i + 1)
      values[k] = this.kept[k] === 1 ? (this.#state[k] as number) / (scale[i] as number) : 0;
    return values;
  }

  /**
   * S ← B + V with B = (H + ρI)⁻¹ (H W + ρ (D − V)), written as W + ρ (D − V − W)(H + ρI)⁻¹. Masks are factors and not
   * conditions: no processor foresees them.
   */
  async #step(penalty: number, inverse: Dense): Promise<void> {
    const { shape, values } = this.job;
    const { scale } = this.scaled;
    const { kept } = this;
    const state = this.#state;
    const rows = Math.max(1, Math.floor(BLOCK_VALUES / shape.in));
    for (let from = 0; from < shape.out; from += rows) {
      const [begin, end] = [from * shape.in, Math.min(shape.out, from + rows) * shape.in];
      const left = new Float32Array(end - begin);
      for (let k = begin, i = 0; k < end; k++, i = i + 1 === shape.in ? 0 : i + 1) {
        const s = state[k] as number;
        left[k - begin] = s * (2 * (kept[k] as number) - 1) - (values[k] as number) * (scale[i] as number);
      }
      const operand = { rows: (end - begin) / shape.in, columns: shape.in, values: left };
      const { values: image } = await this.input.products.multiply(operand, inverse);
      for (let k = begin, i = 0; k < end; k++, i = i + 1 === shape.in ? 0 : i + 1) {
        const dual = (state[k] as number) * (1 - (kept[k] as number));
        state[k] = (values[k] as number) * (scale[i] as number) + penalty * (image[k - begin] as number) + dual;
      }
      free(left, image);
    }
    this.products++;
  }

  #scaleDual(factor: number): void {
    const state = this.#state;
    for (let k = 0; k < state.length; k++)
      state[k] = (state[k] as number) * (factor + (this.kept[k] as number) * (1 - factor));
  }
}

/** The damped moments with a diagonal of 1, for all weights that read one input. */
interface ScaledInput {
  /** Square roots of the damped diagonal, [in]; W is multiplied by them. */
  readonly scale: Float32Array;
  /** (H + penalty · I)⁻¹, [in, in]. */
  readonly inverse: (penalty: number) => Promise<Dense>;
}

/** Inverses of larger inputs are made anew for every weight instead of being kept. */
const KEPT_VALUES = 2 ** 24;
const SCALED = new WeakMap<LayerInput, ScaledInput>();

function scaledInput(input: LayerInput): ScaledInput {
  const known = SCALED.get(input);
  if (known !== undefined) return known;
  const { moments, products, options } = input;
  const { channels, packed } = moments;
  const diagonal = input.diagonal();
  const mean = diagonal.reduce((a, b) => a + b, 0) / channels;
  const shift = options.damping * mean;
  // A channel that is never active costs nothing; any scale that is not 0 will do.
  const least = mean > 0 ? 1e-8 * mean : 1;
  const scale = Float32Array.from(diagonal, (d) => Math.sqrt(Math.max(d + shift, least)));
  const inverses = new Map<number, Promise<Dense>>();
  const invert = async (penalty: number): Promise<Dense> => {
    const tiles = LowerTiles.of(channels, (row, into) => {
      for (let i = 0; i < row; i++)
        into[i] = (packed[packedIndex(channels, i, row)] as number) / ((scale[i] as number) * (scale[row] as number));
      into[row] = ((diagonal[row] as number) + shift) / (scale[row] as number) ** 2 + penalty;
    });
    const factorised = await Cholesky.of(tiles, { products, signal: options.signal });
    return (await factorised.inverted()).toFloat32();
  };
  const made = {
    scale,
    inverse(penalty: number): Promise<Dense> {
      const kept = inverses.get(penalty);
      if (kept !== undefined) return kept;
      const inverse = invert(penalty);
      if (channels * channels <= KEPT_VALUES) inverses.set(penalty, inverse);
      return inverse;
    },
  };
  SCALED.set(input, made);
  return made;
}
