/**
 * The dense weights in memory, as they are stored. The tuner scores and masks them hundreds of times,
 * so they are read once; what a model may weigh is bounded by that.
 */
import type { Target } from "../graph/index.js";
import { readOwnTensor } from "../onnx/index.js";

/** Stored bytes of every target, by target. */
export class DenseWeights {
  private constructor(private readonly bytes: ReadonlyMap<Target, Uint8Array>) {}

  /**
   * Reads the weights of `targets`.
   *
   * @throws PruneError `bad-external-data` where a file cannot be read; the signal's reason when aborted
   */
  static async read(targets: readonly Target[], signal?: AbortSignal): Promise<DenseWeights> {
    const bytes = new Map<Target, Uint8Array>();
    for (const target of targets) {
      signal?.throwIfAborted();
      bytes.set(target, await readOwnTensor(target.tensor));
    }
    return new DenseWeights(bytes);
  }

  /** Little-endian elements in storage order. Not to be written to. */
  of(target: Target): Uint8Array {
    const bytes = this.bytes.get(target);
    if (bytes === undefined) throw new TypeError(`"${target.name}" is not a weight of this model`);
    return bytes;
  }
}
