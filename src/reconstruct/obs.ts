/**
 * The update of SparseGPT (Frantar & Alistarh, arXiv 2301.00774): channels are gone through in order, each loses
 * what its mask takes (and is rounded to its grid, where it has one, as in GPTQ, arXiv 2210.17323), and all later
 * channels make up for it as well as the inverse second moments allow. Under a given mask, or choosing its own.
 */
import type { Dense, Products } from "../linalg/products.js";
import { free } from "../tensor/free.js";
import type { Grid } from "../tensor/grid.js";
import type { Shape } from "../tensor/matrix.js";
import { transposeInto } from "../tensor/transpose.js";
import { adaptiveMasks, type ChannelMasks } from "./adaptive-masks.js";
import { checkJob } from "./check-job.js";
import type { UpdatedWeight, WeightJob } from "./job.js";
import type { LayerInput } from "./layer-input.js";

/** How channels are gone through. */
export interface ObsSettings {
  /** Channels in which the weights of an unstructured mask compete; 128 in the authors' code. Matters only where the mask is not given. */
  readonly blockSize: number;
}

/** Channels up to which plain loops are faster than products with their fixed cost. */
const PLAIN_CHANNELS = 32;
/** Channels that are gone through one by one. */
const SINGLE_CHANNELS = 4;

/**
 * Prunes a weight and lets the channels that follow make up for what goes.
 *
 * Channels without any input get weights of 0, which change no output.
 *
 * @throws PruneError `bad-weight` where a value is not finite, `unsupported` where the mask is not given and its groups
 *   are not of consecutive channels; whatever the input's factor does; the signal's reason
 */
export async function obs(job: WeightJob, input: LayerInput, { blockSize }: ObsSettings): Promise<UpdatedWeight> {
  checkJob(job, input, { choosesMask: job.kept === null });
  const { upper, dead } = await input.inverseFactor();
  const masks = job.kept === null ? adaptiveMasks(job.pattern, job.shape, upper.values, blockSize) : null;
  return await passOver(job, masks, { upper, dead }, input);
}

/**
 * Rounds an updated weight to the job's grid, in the same way: later channels make up for the rounding.
 *
 * @param values what is rounded, [out, in]
 * @param kept the mask, which stays, [out, in]
 * @returns `values` themselves where the job has no grid
 */
export async function roundOntoGrid(
  job: WeightJob,
  values: Float32Array,
  kept: Uint8Array,
  input: LayerInput,
): Promise<UpdatedWeight> {
  if (job.grid === null) return { values, kept };
  return await passOver({ ...job, values, kept }, null, await input.inverseFactor(), input);
}

/** Goes through all channels and puts the results back in rows. */
async function passOver(
  job: WeightJob,
  masks: ChannelMasks | null,
  { upper, dead }: { readonly upper: Dense; readonly dead: Uint8Array },
  { products, options: { signal } }: LayerInput,
): Promise<UpdatedWeight> {
  const { out, in: channels } = job.shape;
  const size = out * channels;
  const values = transposeInto(job.values, new Float32Array(size), out, channels);
  for (let i = 0; i < channels; i++) if (dead[i] === 1) values.fill(0, i * out, (i + 1) * out);
  const kept = new Uint8Array(size);
  if (job.kept !== null) transposeInto(job.kept, kept, out, channels);
  const pass = new ChannelPass({ shape: job.shape, values, kept, masks, grid: job.grid, upper, products, signal });
  await pass.run();
  const updated = {
    // What channels left to later ones is of no use any more; its memory is.
    values: transposeInto(values, pass.errors, channels, out),
    kept: transposeInto(kept, new Uint8Array(size), channels, out),
  };
  free(values, kept);
  return updated;
}

interface PassOptions {
  readonly shape: Shape;
  /** [in, out], changed */
  readonly values: Float32Array;
  /** [in, out], written where `masks` chooses */
  readonly kept: Uint8Array;
  readonly masks: ChannelMasks | null;
  readonly grid: Grid | null;
  readonly upper: Dense;
  readonly products: Products;
  readonly signal: AbortSignal | undefined;
}

/**
 * One pass over all channels. A range of channels is halved: the first half is gone through, its errors are taken
 * off the second half at once, and that is gone through. This is the authors' blocked update with blocks of every
 * size, so that nearly all arithmetic is in large products; the results differ by rounding only.
 */
class ChannelPass {
  readonly #options: PassOptions;
  /** What each channel leaves to later ones, (w − q) / U_jj, [in, out] */
  readonly errors: Float32Array;
  /** Channels up to this one have their mask. */
  #chosen = 0;
  /** Channels whose mask is chosen at once; where it is given, all. */
  readonly #unit: number;

  constructor(options: PassOptions) {
    this.#options = options;
    this.#unit = options.masks?.unit ?? options.shape.in;
    this.errors = new Float32Array(options.values.length);
  }

  async run(): Promise<void> {
    await this.#visit(0, this.#options.shape.in);
  }

  /** Goes through a range of channels; all earlier ones have been taken into account. */
  async #visit(first: number, end: number): Promise<void> {
    if (end - first <= PLAIN_CHANNELS) {
      this.#visitPlainly(first, end);
      return;
    }
    const middle = this.#enter(first, end);
    await this.#visit(first, middle);
    await this.#settle(first, middle, end);
    await this.#visit(middle, end);
  }

  /** The same without waiting. */
  #visitPlainly(first: number, end: number): void {
    const middle = this.#enter(first, end);
    if (end - first <= Math.min(SINGLE_CHANNELS, this.#unit)) {
      for (let channel = first; channel < end; channel++) this.#visitChannel(channel, end);
      return;
    }
    this.#visitPlainly(first, middle);
    this.#settlePlainly(first, middle, end);
    this.#visitPlainly(middle, end);
  }

  /**
   * Chooses masks where it is time, and says where a range is halved: between the units of masks while it has several.
   */
  #enter(first: number, end: number): number {
    const { masks, values, kept } = this.#options;
    const unit = this.#unit;
    if (masks !== null && first >= this.#chosen && end - first <= unit) {
      masks.choose(first, end, values, kept);
      this.#chosen = end;
    }
    const step = end - first > unit ? unit : 1;
    return first + Math.ceil((end - first) / step / 2) * step;
  }

  /** Prunes and rounds one channel, and takes its error off those up to `end`. */
  #visitChannel(channel: number, end: number): void {
    const { shape, values, kept, grid, upper } = this.#options;
    const { out } = shape;
    const [start, row] = [channel * out, channel * shape.in];
    const own = values.subarray(start, start + out);
    const stays = kept.subarray(start, start + out);
    const error = this.errors.subarray(start, start + out);
    const perUnit = 1 / (upper.values[row + channel] as number);
    error.set(own);
    grid?.roundChannel(channel, own);
    for (let o = 0; o < out; o++) {
      // Which of the two comes is as good as random, so no branch; −0 becomes 0.
      const value = (own[o] as number) * (stays[o] as number) + 0;
      error[o] = ((error[o] as number) - value) * perUnit;
      own[o] = value;
    }
    for (let later = channel + 1; later < end; later++) {
      const share = upper.values[row + later] as number;
      const target = values.subarray(later * out, (later + 1) * out);
      for (let o = 0; o < out; o++) target[o] = (target[o] as number) - share * (error[o] as number);
    }
  }

  /** Takes the errors of channels `first` … `middle` off those up to `end`, four at a time. */
  #settlePlainly(first: number, middle: number, end: number): void {
    const { shape, values, upper } = this.#options;
    const { out, in: channels } = shape;
    const errorOf = (channel: number) => this.errors.subarray(channel * out, (channel + 1) * out);
    for (let four = first; four < middle; four += 4) {
      // Of channels beyond the last, which a range of no multiple of four has, nothing is taken.
      const share = (k: number, later: number) =>
        four + k < middle ? (upper.values[(four + k) * channels + later] as number) : 0;
      const [a, b, c, d] = [0, 1, 2, 3].map((k) => errorOf(Math.min(four + k, middle - 1))) as [
        Float32Array,
        Float32Array,
        Float32Array,
        Float32Array,
      ];
      for (let later = middle; later < end; later++) {
        const [p, q, r, s] = [share(0, later), share(1, later), share(2, later), share(3, later)];
        const target = values.subarray(later * out, (later + 1) * out);
        for (let o = 0; o < out; o++)
          target[o] =
            (target[o] as number) -
            (p * (a[o] as number) + q * (b[o] as number) + r * (c[o] as number) + s * (d[o] as number));
      }
    }
  }

  /** The same, as one product: W[middle … end] −= U[first … middle, middle … end]ᵀ E[first … middle]. */
  async #settle(first: number, middle: number, end: number): Promise<void> {
    const { shape, values, upper, products, signal } = this.#options;
    signal?.throwIfAborted();
    const { out, in: channels } = shape;
    const [rows, columns] = [middle - first, end - middle];
    const shares = new Float32Array(rows * columns);
    for (let row = 0; row < rows; row++) {
      const start = (first + row) * channels;
      shares.set(upper.values.subarray(start + middle, start + end), row * columns);
    }
    const later = values.subarray(middle * out, end * out);
    const settled = await products.multiply(
      { rows, columns, values: shares },
      { rows, columns: out, values: this.errors.subarray(first * out, middle * out) },
      { transposeA: true, factor: -1, plus: { rows: columns, columns: out, values: later } },
    );
    later.set(settled.values);
    free(settled.values, shares);
  }
}
