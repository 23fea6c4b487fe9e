/**
 * Opens a file whose weights may be packed. They are expanded here, one at a time, and the runtime
 * gets a model with ordinary initializers: it folds nothing, so what lies between is never in memory.
 * A stock runtime opens the same file too, by folding.
 */
import { PruneError } from "../errors.js";
import type { OnnxModel } from "../onnx/index.js";
import { openModelFile } from "../prune/index.js";
import { expansionEdits, type UnpackEdits } from "../rewrite/index.js";
import { editedModel, type RuntimeSession, type SessionOptions } from "../runtime/index.js";
import { type Create, type SessionRequest, withRequest } from "./intercept.js";
import { modelFileOf } from "./session-file.js";

/** A request that changes nothing but who expands packed weights. */
const UNPACKED: SessionRequest = { open: openUnpacked };

/** Session options that make the host open packed files by {@link openUnpacked}. */
export function withUnpacking<T extends object>(sessionOptions: T): T {
  return withRequest(sessionOptions, UNPACKED);
}

/**
 * Opens a model as the host gave it, packed or not.
 *
 * @throws PruneError `bad-model` where packed weights are damaged; otherwise whatever the runtime throws
 */
export async function openUnpacked(model: unknown, options: SessionOptions, create: Create): Promise<RuntimeSession> {
  const opened = await findIn(model, options);
  if (opened === null) return create(model, options);
  const { onnx, edits } = opened;
  try {
    const { bytes, sessionOptions } = await editedModel(onnx, edits, options);
    return await create(bytes, sessionOptions);
  } finally {
    await onnx.close();
  }
}

/** A model that holds packed weights, with the edits that expand them; null for others. */
async function findIn(
  model: unknown,
  options: SessionOptions,
): Promise<{ onnx: OnnxModel; edits: UnpackEdits } | null> {
  let onnx: OnnxModel | undefined;
  try {
    onnx = await openModelFile(modelFileOf(model, options));
    const edits = await expansionEdits(onnx);
    if (edits !== null) return { onnx, edits };
  } catch (error) {
    // What we cannot read is not for us to judge here: nobody asked for it to be pruned.
    if (!(error instanceof PruneError)) throw error;
  }
  await onnx?.close();
  return null;
}
