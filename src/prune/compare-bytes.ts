/**
 * What a pruned file takes in other encodings: sizes of the dense and the packed one follow from
 * their layout, those after compression are measured by streaming the dense one through compressors.
 */
import { plannedBytes, writeModel } from "../onnx/index.js";
import type { ByteComparison } from "../report.js";
import { canPack } from "../rewrite/packed/index.js";
import { compressors } from "./compressors.node.js";
import { type EncodedWeights, encodeWeights } from "./encode-weights.js";
import type { Plan } from "./plan.js";
import type { PrunedWeights } from "./updated.js";

/**
 * Compares the encodings of a masked file.
 *
 * @param compress also measure gzip and brotli, which reads the whole file
 * @throws PruneError as `writeModel`; `unsupported` where `compress` is asked for in a browser; the signal's reason when aborted
 */
export async function compareBytes(plan: Plan, masked: PrunedWeights, compress: boolean): Promise<ByteComparison> {
  const fileName = `${plan.name}.onnx`;
  const { onnx } = plan.model;
  const bytesOf = ({ edits, external }: EncodedWeights) => plannedBytes(onnx, edits, { fileName, external });
  const dense = await encodeWeights(plan, masked, "dense");
  const sizes = { dense: bytesOf(dense), packed: await packedSize(plan, masked, bytesOf) };
  if (!compress) return sizes;
  const streams = compressors();
  const { signal } = plan.options;
  try {
    await writeModel(onnx, dense.edits, { write: (_, chunk) => streams.write(chunk) }, { fileName, signal });
    return { ...sizes, compressed: await streams.finish() };
  } finally {
    streams.close();
  }
}

/** null where the model is too old to be packed. */
async function packedSize(
  plan: Plan,
  masked: PrunedWeights,
  bytesOf: (encoded: EncodedWeights) => number,
): Promise<number | null> {
  return canPack(plan.model.onnx) ? bytesOf(await encodeWeights(plan, masked, "packed")) : null;
}
