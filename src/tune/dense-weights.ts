/**
 * The dense weights in memory, as they are stored, and what their bytes stand for. The tuner scores and
 * masks them hundreds of times, so they are read once; what a model may weigh is bounded by that.
 */
import { resolveCoding, type Target } from "../graph/index.js";
import { readOwnTensor } from "../onnx/index.js";
import type { Coding } from "../tensor/coding.js";

interface DenseWeight {
  readonly stored: Uint8Array;
  readonly coding: Coding;
}

/** Stored bytes of every target, by target. */
export class DenseWeights {
  private constructor(private readonly weights: ReadonlyMap<Target, DenseWeight>) {}

  /**
   * Reads the weights of `targets`.
   *
   * @throws PruneError `bad-external-data` where a file cannot be read; the signal's reason when aborted
   */
  static async read(targets: readonly Target[], signal?: AbortSignal): Promise<DenseWeights> {
    const weights = new Map<Target, DenseWeight>();
    for (const target of targets) {
      signal?.throwIfAborted();
      weights.set(target, { stored: await readOwnTensor(target.tensor), coding: await resolveCoding(target) });
    }
    return new DenseWeights(weights);
  }

  /** Little-endian elements, or packed codes, in storage order. Not to be written to. */
  of(target: Target): Uint8Array {
    return this.weightOf(target).stored;
  }

  /** What the bytes stand for. */
  codingOf(target: Target): Coding {
    return this.weightOf(target).coding;
  }

  private weightOf(target: Target): DenseWeight {
    const weight = this.weights.get(target);
    if (weight === undefined) throw new TypeError(`"${target.name}" is not a weight of this model`);
    return weight;
  }
}
