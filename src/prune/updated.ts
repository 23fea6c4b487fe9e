/**
 * What a prune made of a file besides zeros: weights whose kept values moved, biases and norms. Stored bytes of
 * weights are read when they are asked for, because all of them together may not fit in memory.
 */
import { resolveCoding, type Target } from "../graph/index.js";
import { byteLengthOf, type ModelEdits, type TensorEdit } from "../onnx/index.js";
import type { Mask } from "../pattern/index.js";
import type { PruneReport } from "../report.js";
import { countZeroValues } from "../rewrite/index.js";
import { maskEdits, readMasked } from "./masks.js";

/** A weight whose kept values moved. */
export interface UpdatedTarget {
  /** Its bytes as the file is to have them, zeros included; in memory of their own. */
  readonly bytes: () => Promise<Uint8Array>;
  /** ‖(W − W′) X‖² / ‖W X‖² on the calibration's inputs, W being what the layer was held to. */
  readonly error: number;
}

/** What moved in a file. */
export interface Updates {
  readonly weights: ReadonlyMap<Target, UpdatedTarget>;
  /** These edits, and those of biases and norms. */
  readonly withOthers: (edits: ModelEdits) => ModelEdits;
  /** Groups of layers that were calibrated one after the other. */
  readonly groups: number;
  /** What did not go as asked for, in sentences. */
  readonly notes: readonly string[];
  /** What was done in the place of options that could not be kept to. */
  readonly instead?: Partial<Pick<PruneReport, "sequential" | "target">>;
}

/** Masks, and what moved besides. */
export interface PrunedWeights {
  readonly masks: ReadonlyMap<Target, Mask>;
  readonly updates: Updates | null;
}

/**
 * The edits that make a file what it was pruned to, all weights stored as they were before.
 *
 * @param onZeros hears how many zeros stand in a weight, as it passes
 */
export function prunedEdits(
  { masks, updates }: PrunedWeights,
  onZeros?: (target: Target, zeros: number) => void,
): ModelEdits {
  const onlyMasked = new Map([...masks].filter(([target]) => !updates?.weights.has(target)));
  const tensors = new Map(maskEdits(onlyMasked, onZeros));
  for (const target of updates?.weights.keys() ?? []) {
    const { tensor } = target;
    const edit: TensorEdit = {
      kind: "bytes",
      byteLength: byteLengthOf(tensor.dataType, tensor.dims),
      bytes: () => readPruned(target, { masks, updates }, onZeros),
    };
    tensors.set(tensor, edit);
  }
  return updates === null ? { tensors } : updates.withOthers({ tensors });
}

/**
 * Stored bytes of a pruned weight.
 *
 * @param onZeros see {@link prunedEdits}
 */
export async function readPruned(
  target: Target,
  { masks, updates }: PrunedWeights,
  onZeros?: (target: Target, zeros: number) => void,
): Promise<Uint8Array> {
  const updated = updates?.weights.get(target);
  if (updated === undefined) return readMasked(target, masks.get(target) as Mask, onZeros);
  const bytes = await updated.bytes();
  onZeros?.(target, countZeroValues(bytes, await resolveCoding(target), target));
  return bytes;
}
