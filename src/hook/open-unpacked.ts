/**
 * Opens a file whose weights may be packed. They are expanded here, one at a time, and the runtime
 * gets a model with ordinary initializers: it folds nothing, so what lies between is never in memory.
 * A stock runtime opens the same file too, by folding.
 */
import { PruneError } from "../errors.js";
import { byteLengthOf, type OnnxModel } from "../onnx/index.js";
import { openModelFile } from "../prune/index.js";
import { mayHoldPacked } from "../rewrite/index.js";
import type { FoundPacked } from "../rewrite/packed/index.js";
import { editedModel, type RuntimeSession, type SessionOptions } from "../runtime/index.js";
import { createFromFiles } from "./create-from-files.node.js";
import { type Create, type SessionRequest, withRequest } from "./intercept.js";
import type { HostOptions } from "./load-pruned.js";
import { modelFileOf } from "./session-file.js";

/** A request that changes nothing but who expands packed weights. */
const UNPACKED: SessionRequest = { open: (model, options, create) => openUnpacked(model, options, create) };

/** Options of a load without `prune`: they make the host open its files by {@link openUnpacked}. */
export const unpacking = (options: HostOptions): HostOptions => ({
  ...options,
  session_options: withRequest(options.session_options ?? {}, UNPACKED),
});

/**
 * Opens a model as the host gave it, packed or not. Weights that expand to more than `mostBytes` go to
 * the runtime by way of files in the system's temporary folder, which are gone when it has them.
 *
 * @throws PruneError `bad-model` where packed weights are damaged; `storage` where there is no room for
 *   the files; otherwise whatever the runtime throws
 */
export async function openUnpacked(
  model: unknown,
  options: SessionOptions,
  create: Create,
  mostBytes?: number,
): Promise<RuntimeSession> {
  const opened = await findIn(model, options);
  if (opened === null) return create(model, options);
  const { onnx, found } = opened;
  try {
    const { MOST_EXPANDED_BYTES, unpackEdits } = await import("../rewrite/packed/index.js");
    const edits = unpackEdits(onnx, found);
    const expanded = found.weights.reduce((sum, { weight }) => sum + byteLengthOf(weight.dataType, weight.dims), 0);
    if (expanded > (mostBytes ?? MOST_EXPANDED_BYTES)) return await createFromFiles(onnx, edits, options, create);
    const { bytes, sessionOptions } = await editedModel(onnx, edits, options);
    return await create(bytes, sessionOptions);
  } finally {
    await onnx.close();
  }
}

/** The packed weights of a model, or null where there are none. */
async function findIn(
  model: unknown,
  options: SessionOptions,
): Promise<{ onnx: OnnxModel; found: FoundPacked } | null> {
  let onnx: OnnxModel | undefined;
  try {
    onnx = await openModelFile(modelFileOf(model, options));
    if (mayHoldPacked(onnx)) {
      const { findPacked } = await import("../rewrite/packed/index.js");
      const found = await findPacked(onnx);
      if (found.weights.length > 0) return { onnx, found };
    }
  } catch (error) {
    // What we cannot read is not for us to judge here: nobody asked for it to be pruned.
    if (!(error instanceof PruneError)) throw error;
  }
  await onnx?.close();
  return null;
}
