/**
 * The factor of an inverse Hessian that SparseGPT and its relatives read: U, upper triangular, with H⁻¹ = Uᵀ U. What
 * channel j has of its own, and the channels after it cannot make up for, is 1 / U_jj²: U_jj² is the element of channel
 * j in the inverse of H without the channels before it (Frantar & Alistarh 2023, §3.3).
 */
import { PruneError } from "../errors.js";
import { Cholesky } from "./cholesky.js";
import { NotPositiveDefinite } from "./factorise.js";
import { LowerTiles } from "./lower-tiles.js";
import type { Dense, Products } from "./products.js";
import { diagonalOf, packedIndex, type SecondMoments } from "./second-moments.js";

/** What is known of an inverse Hessian. */
export interface InverseFactor {
  /** U, [in, in], 0 below the diagonal: H⁻¹ = Uᵀ U of the damped H. */
  readonly upper: Dense;
  /** What was added to the diagonal, as a share of its mean; more than was asked for where that was not enough. */
  readonly damping: number;
  /** 1 for channels that are never active, H_jj = 0, [in]; H counts them as 1. */
  readonly dead: Uint8Array;
}

/** How damping is chosen, and which matrix is spoken of. */
export interface DampingOptions {
  /** Share of the diagonal's mean that is added to it, dead channels counted as 1. */
  readonly damping: number;
  /** What the matrix belongs to, for errors: a weight's name. */
  readonly label: string;
  readonly signal?: AbortSignal | undefined;
}

/** Where damping was too little, it becomes at least the first, then ten times as much, up to the last. */
const [LEAST_DAMPING, MOST_DAMPING] = [1e-6, 1] as const;
const STEP = 10;

/**
 * The inverse factor of Σ x xᵀ + damping · mean(diagonal) · I. One factorisation and one triangular inverse: with rows
 * and columns in reverse order H = R Rᵀ has an upper factor R, and U is R⁻¹.
 *
 * @throws PruneError `bad-statistics` where moments are not finite, or not even damping by the mean of the diagonal
 *   makes them positive definite; the signal's reason when it is aborted
 */
export async function inverseFactor(
  moments: SecondMoments,
  { damping: asked, label, signal }: DampingOptions,
  products: Products,
): Promise<InverseFactor> {
  const { channels, packed } = moments;
  const diagonal = diagonalOf(moments);
  const dead = Uint8Array.from(diagonal, (value) => (value === 0 ? 1 : 0));
  const notFinite = diagonal.findIndex((value) => !Number.isFinite(value));
  if (notFinite >= 0) throw notFiniteAt(notFinite, label);
  const mean = diagonal.reduce((sum, value) => sum + (value === 0 ? 1 : value), 0) / channels;
  for (let damping = asked; ; damping = Math.min(MOST_DAMPING, Math.max(LEAST_DAMPING, damping * STEP))) {
    const reversed = LowerTiles.of(channels, (row, into) => {
      const channel = channels - 1 - row;
      const last = packedIndex(channels, channel, channels - 1);
      for (let k = 0; k < row; k++) into[k] = packed[last - k] as number;
      into[row] = (dead[channel] ? 1 : (diagonal[channel] as number)) + damping * mean;
    });
    try {
      const factorised = await Cholesky.of(reversed, { products, signal });
      return { upper: upperOf(await factorised.invertedFactor()), damping, dead };
    } catch (error) {
      if (!(error instanceof NotPositiveDefinite)) throw error;
      const channel = channels - 1 - error.row;
      if (!Number.isFinite(error.pivot)) throw notFiniteAt(channel, label);
      if (damping < MOST_DAMPING) continue;
      throw new PruneError(
        "bad-statistics",
        `the second moments of what enters "${label}" are not positive definite at channel ${channel}, even with ${damping} of the diagonal's mean added to it; calibrate on other samples, exclude the weight or choose an update without second moments`,
        { details: { weight: label, channel, damping }, cause: error },
      );
    }
  }
}

const notFiniteAt = (channel: number, label: string): PruneError =>
  new PruneError(
    "bad-statistics",
    `the second moments of what enters "${label}" are not finite at channel ${channel}; calibrate on other samples or exclude the weight`,
    { details: { weight: label, channel } },
  );

/** A lower triangle with rows and columns in reverse order, in float32; its own memory is freed. */
function upperOf(lower: LowerTiles): Dense {
  const { size } = lower;
  const values = new Float32Array(size * size);
  lower.forEachRun((row, column, run) => {
    for (let k = 0, at = (size - 1 - row) * size + size - 1 - column; k < run.length; k++)
      values[at - k] = run[k] as number;
  });
  lower.free();
  return { rows: size, columns: size, values };
}
