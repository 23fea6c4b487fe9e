/**
 * How the pruned weights of a file are stored: zeros like any other value, or packed where that
 * makes a weight smaller. Decided from the masks alone, before a weight is read.
 */
import type { Target } from "../graph/index.js";
import { byteLengthOf, type ModelEdits, readTensor, type WriteOptions } from "../onnx/index.js";
import type { Encoding } from "../options/types.js";
import { countKept, type Mask } from "../pattern/index.js";
import type { WeightReport } from "../report.js";
import {
  choosePacking,
  countZeros,
  type Packed,
  type PackedWeight,
  packEdits,
  packedBytes,
  packingObstacle,
} from "../rewrite/index.js";
import { BYTES_PER_ELEMENT, type FloatType } from "../tensor/dtypes.js";
import { type Masked, maskEdits } from "./masks.js";
import type { Plan } from "./plan.js";

/** A file with its weights encoded. */
export interface EncodedWeights {
  readonly edits: ModelEdits;
  /** Where its data goes: packed weights change their length, so data files are laid out anew. */
  readonly external: NonNullable<WriteOptions["external"]>;
  /** How each weight is stored; empty where all are dense because that was asked for. */
  readonly stored: ReadonlyMap<Target, NonNullable<WeightReport["stored"]>>;
}

/**
 * The edits that write a file's weights in an encoding.
 *
 * @param onZeros hears how many zeros stand in a weight, as it passes
 * @throws PruneError `unsupported` where the model is too old to be packed
 */
export function encodeWeights(
  plan: Plan,
  { masks }: Pick<Masked, "masks">,
  encoding: Encoding,
  onZeros?: (target: Target, zeros: number) => void,
): EncodedWeights {
  switch (encoding) {
    case "dense":
      return { edits: { tensors: maskEdits(masks, onZeros) }, external: "auto", stored: new Map() };
    case "packed":
      return packWeights(plan, masks, onZeros);
    default:
      return encoding satisfies never;
  }
}

/** How a weight is packed and what its elements are, or why it stays dense. */
function packingOf(
  { pattern, model }: Plan,
  { tensor, order, coding }: Target,
  mask: Mask,
): { readonly weight: PackedWeight; readonly dtype: FloatType } | string {
  if (coding.kind !== "float") return "is stored as codes of a few bits, which are not packed yet";
  const obstacle = packingObstacle(model.onnx, tensor);
  if (obstacle !== null) return obstacle;
  const { name, dataType, dims } = tensor;
  const zero = new Uint8Array(BYTES_PER_ELEMENT[coding.dtype]);
  const weight = choosePacking({ name, dataType, dims, order, pattern, kept: countKept(mask), zero });
  return typeof weight === "string" ? weight : { weight, dtype: coding.dtype };
}

function packWeights(
  plan: Plan,
  masks: ReadonlyMap<Target, Mask>,
  onZeros: ((target: Target, zeros: number) => void) | undefined,
): EncodedWeights {
  const { onnx } = plan.model;
  const stored = new Map<Target, NonNullable<WeightReport["stored"]>>();
  const packed: Packed[] = [];
  const dense = new Map<Target, Mask>();
  for (const [target, mask] of masks) {
    const choice = packingOf(plan, target, mask);
    if (typeof choice === "string") {
      dense.set(target, mask);
      const { dataType, dims } = target.tensor;
      stored.set(target, { encoding: "dense", bytes: byteLengthOf(dataType, dims), reason: choice });
      continue;
    }
    const { weight, dtype } = choice;
    const { values, places } = packedBytes(weight);
    stored.set(target, { encoding: "packed", bytes: values + places });
    const pruned = target.shape.out * target.shape.in - countKept(mask);
    packed.push({
      weight,
      tensor: target.tensor,
      bits: mask.bits,
      read: () => readTensor(target.tensor),
      onValues: (kept) => onZeros?.(target, pruned + countZeros(kept, dtype)),
    });
  }
  const { tensors, graphs } = packEdits(onnx, packed);
  return {
    edits: { tensors: new Map([...tensors, ...maskEdits(dense, onZeros)]), graphs },
    external: onnx.externalSources.size > 0 ? "always" : "auto",
    stored,
  };
}
