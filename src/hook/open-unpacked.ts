/**
 * Opens a file whose weights may be packed. They are expanded here, one at a time, and the runtime
 * gets a model with ordinary initializers: it folds nothing, so what lies between is never in memory.
 * A stock runtime opens the same file too, by folding.
 */
import { PruneError } from "../errors.js";
import { byteLengthOf, type OnnxModel } from "../onnx/index.js";
import { openModelFile } from "../prune/index.js";
import { type FoundPacked, findPacked, unpackEdits } from "../rewrite/index.js";
import { editedModel, type RuntimeSession, type SessionOptions } from "../runtime/index.js";
import { type Create, type SessionRequest, withRequest } from "./intercept.js";
import { modelFileOf } from "./session-file.js";

/** Expanded weights go to the runtime inside one message, which ends at 2 GiB; other parts of the model need room too. */
const MOST_EXPANDED_BYTES = 2 ** 31 - 2 ** 26;

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
  const { onnx, found } = opened;
  try {
    const { bytes, sessionOptions } = await editedModel(onnx, unpackEdits(onnx, found), options);
    return await create(bytes, sessionOptions);
  } finally {
    await onnx.close();
  }
}

/** The packed weights of a model, or null where there are none, or more than can be handed over expanded. */
async function findIn(
  model: unknown,
  options: SessionOptions,
): Promise<{ onnx: OnnxModel; found: FoundPacked } | null> {
  let onnx: OnnxModel | undefined;
  try {
    onnx = await openModelFile(modelFileOf(model, options));
    const found = await findPacked(onnx);
    const expanded = found.weights.reduce((sum, { weight }) => sum + byteLengthOf(weight.dataType, weight.dims), 0);
    if (found.weights.length > 0 && expanded <= MOST_EXPANDED_BYTES) return { onnx, found };
  } catch (error) {
    // What we cannot read is not for us to judge here: nobody asked for it to be pruned.
    if (!(error instanceof PruneError)) throw error;
  }
  await onnx?.close();
  return null;
}
