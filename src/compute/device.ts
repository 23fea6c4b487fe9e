/**
 * The contract of a device: a weight, its score terms and a pattern in, a mask out. Scores never
 * leave the device. Every device must give the same mask wherever scores differ by more than
 * rounding; `cpu` is the reference (and test/ holds a slower, plainer one for it).
 */
import type { Mask, Pattern } from "../pattern/index.js";
import type { ScoreTerms } from "../score/index.js";
import type { QuantisedCoding } from "../tensor/coding.js";
import type { FloatType } from "../tensor/dtypes.js";
import type { Shape, StorageOrder } from "../tensor/matrix.js";

/** Where stored bytes are: in a file that a device can open itself, or in memory. */
export type StoredBytes =
  | { readonly kind: "file"; readonly path: string; readonly byteOffset: number; readonly byteLength: number }
  | { readonly kind: "memory"; readonly read: () => Promise<Uint8Array> };

/** Where a device finds the floats of a weight: as they are stored, or behind codes. */
export type WeightBytes =
  | StoredBytes
  /** `coding` reads scales and zeros, so it is called when the job's turn has come. */
  | { readonly kind: "codes"; readonly stored: StoredBytes; readonly coding: () => Promise<QuantisedCoding> };

/** One weight to be masked. */
export interface MaskJob {
  /** The weight's name, for errors and progress. */
  readonly label: string;
  readonly bytes: WeightBytes;
  /** Type of the floats; codes are decoded to float32. */
  readonly dtype: FloatType;
  readonly shape: Shape;
  readonly order: StorageOrder;
  readonly terms: ScoreTerms;
  /** stat(i)^power, [in], 0 … 1. */
  readonly channelFactor: Float32Array;
  readonly pattern: Pattern;
}

/** A mask as a device computes it. */
export interface ComputedMask extends Mask {
  /**
   * Share of the weight's total score that its kept weights hold, 0 … 1; 1 where the total is 0. A figure
   * of the mask and not of quality; comparable between masks of one weight by one method.
   */
  readonly retained: number;
}

/** Figures of a mask. */
export interface MaskFigures {
  /**
   * Gini coefficient of the scores with pruned ones counted as 0, and of those that stay: 0 where all are equal. As
   * tune/gini-coefficient.ts from bins of 7 bits of fraction, so never too large, and too small by at most 1 / 512.
   */
  readonly giniMasked: number;
  readonly giniKept: number;
  /** Σ W² · squares over pruned weights by the same over all; 0 where that is 0. */
  readonly outputError: number;
}

/** Something that computes masks. */
export interface Device {
  readonly name: string;
  /** How many jobs it can work on at once; more may be handed in, they queue. */
  readonly concurrency: number;
  /**
   * Why this device cannot mask the weight, a clause with the numbers; null where it can. Reads none of the
   * weight's bytes.
   *
   * @throws PruneError `device` where the device cannot be had
   */
  refuse(job: MaskJob): Promise<string | null>;
  /**
   * Scores the weight and selects by rank: exactly `prunedCount(pattern, shape)` bits are 0. Ties
   * keep the lower index (input channel in a row; o · in + i in a matrix); in groups of N:M, where
   * that would favour the same channels in every row, they fall as a quick select leaves them
   * (cpu/kernel/ties.ts). Groups of a permuted N:M are the device's choice, the same for the same job;
   * they retain at least the score that consecutive channels would.
   *
   * @throws PruneError `bad-weight` where the weight holds NaN or Inf; `bad-pattern` where the
   *   pattern does not fit the shape; `device` where the device fails
   */
  computeMask(job: MaskJob, signal?: AbortSignal): Promise<ComputedMask>;
  /** As `refuse`, for `measure`; both are there or none. */
  refuseToMeasure?(job: MaskJob): Promise<string | null>;
  /**
   * Figures of a mask of the job's weight, scored by the job's terms.
   *
   * @param squares squared norms of the input channels, [in], for the output error
   * @throws as `computeMask`
   */
  measure?(job: MaskJob, mask: Mask, squares: Float32Array, signal?: AbortSignal): Promise<MaskFigures>;
  /** Frees threads and memory. The device is not used afterwards. */
  close(): Promise<void>;
}
