/** The packed encoding of a file: which weights are packed and how, and which stay dense and why. */
import { resolveCoding, type Target } from "../graph/index.js";
import { byteLengthOf } from "../onnx/index.js";
import { mergeEdits } from "../onnx/merge-edits.js";
import { countKept, type Mask } from "../pattern/index.js";
import type { WeightReport } from "../report.js";
import {
  choosePacking,
  codedElements,
  elementCount,
  type Packed,
  packEdits,
  packedBytes,
  packingObstacle,
} from "../rewrite/packed/index.js";
import type { EncodedWeights } from "./encode-weights.js";
import type { Plan } from "./plan.js";
import { type PrunedWeights, prunedEdits, readPruned, type Updates } from "./updated.js";

/** How a weight is packed, or why it stays dense. Reads its scales and zero points. */
async function packingOf(
  { pattern, model }: Plan,
  target: Target,
  mask: Mask,
): Promise<Pick<Packed, "weight" | "zeros"> | string> {
  const { tensor, order, shape } = target;
  const obstacle = packingObstacle(model.onnx, tensor);
  if (obstacle !== null) return obstacle;
  const elements = codedElements(target, await resolveCoding(target));
  if (typeof elements === "string") return elements;
  const { zeroCodes, ...coded } = elements;
  const { name, dataType, dims } = tensor;
  if (elementCount({ dims, ...coded }) !== shape.out * shape.in) return "its last byte ends in padding";
  const weight = choosePacking({ name, dataType, dims, ...coded, order, pattern, kept: countKept(mask) });
  return typeof weight === "string" ? weight : { weight, ...(zeroCodes && { zeros: zeroCodes }) };
}

/**
 * The edits that pack the weights of a file as far as that makes them smaller.
 *
 * @param onZeros hears how many zeros stand in a weight, as it passes
 * @throws PruneError `unsupported` where the model is too old to be packed; `bad-model` or `bad-external-data`
 *   where scales or zero points cannot be read
 */
export async function packWeights(
  plan: Plan,
  pruned: PrunedWeights,
  onZeros: ((target: Target, zeros: number) => void) | undefined,
): Promise<EncodedWeights> {
  const { onnx } = plan.model;
  const stored = new Map<Target, NonNullable<WeightReport["stored"]>>();
  const packed: Packed[] = [];
  const dense = new Map<Target, Mask>();
  for (const [target, mask] of pruned.masks) {
    const { tensor } = target;
    const choice = await packingOf(plan, target, mask);
    if (typeof choice === "string") {
      dense.set(target, mask);
      stored.set(target, { encoding: "dense", bytes: byteLengthOf(tensor.dataType, tensor.dims), reason: choice });
      continue;
    }
    stored.set(target, { encoding: "packed", bytes: packedBytes(choice.weight) });
    packed.push({ ...choice, tensor, bits: mask.bits, read: () => readPruned(target, pruned, onZeros) });
  }
  const asTheyAre = {
    masks: dense,
    updates: pruned.updates && { ...pruned.updates, weights: weightsIn(dense, pruned.updates) },
  };
  return {
    edits: mergeEdits(packEdits(onnx, packed), prunedEdits(asTheyAre, onZeros)),
    external: onnx.externalSources.size > 0 ? "always" : "auto",
    stored,
  };
}

/** The updated weights among these. */
const weightsIn = (targets: ReadonlyMap<Target, unknown>, { weights }: Updates): Updates["weights"] =>
  new Map([...weights].filter(([target]) => targets.has(target)));
