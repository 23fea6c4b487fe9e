/**
 * A model with edits as one buffer, for sessions that are created from bytes. Meant for skeletons:
 * whoever turns large initializers into external references gets a megabyte or two.
 */
import { PruneError } from "../errors.js";
import { editedModel } from "./edits.js";
import { originOf } from "./origins.js";
import { chunksOf } from "./pieces.js";
import type { ModelEdits, OnnxModel } from "./types.js";

/** protobuf, and with it every ONNX runtime, reads messages shorter than 2 GiB. */
export const MAX_MODEL_BYTES = 2 ** 31 - 1;

const CHUNK_BYTES = 16 * 2 ** 20;

export interface SerializedModel {
  /** A .onnx file. */
  readonly bytes: Uint8Array;
  /** Locations of all external files that it refers to. */
  readonly externalLocations: readonly string[];
}

/**
 * Writes a model with edits into memory. What has no edit is copied from the file byte for byte,
 * references to external files included.
 *
 * @throws PruneError `unsupported` where the result would have 2 GiB or more; `bad-model` where new
 *   values have another length than their tensor
 */
export async function serializeModel(model: OnnxModel, edits: ModelEdits): Promise<SerializedModel> {
  const pieces = editedModel(model, edits);
  if (pieces.length > MAX_MODEL_BYTES)
    throw tooLarge(
      model.name,
      pieces.length,
      "keep the pruned model on disk (cache, or pruneModel()), and calibrate with one pass or with calibration.memory",
    );
  const bytes = new Uint8Array(pieces.length);
  let done = 0;
  for await (const chunk of chunksOf(pieces, CHUNK_BYTES)) {
    bytes.set(chunk, done);
    done += chunk.length;
  }
  return { bytes, externalLocations: locationsAfter(model, edits) };
}

/** The error for a .onnx file that no runtime would read. */
export function tooLarge(
  file: string,
  found: number,
  remedy = "turn large initializers into external data",
): PruneError {
  return new PruneError(
    "unsupported",
    `${file} would have ${found} bytes without its external data; a .onnx file holds at most ${MAX_MODEL_BYTES}: ${remedy}`,
    { details: { file, expected: MAX_MODEL_BYTES, found } },
  );
}

function locationsAfter(model: OnnxModel, edits: ModelEdits): readonly string[] {
  const locations = new Set<string>();
  for (const tensor of originOf(model).tensors) {
    const edit = edits.tensors?.get(tensor);
    if (edit?.kind === "external") locations.add(edit.location);
    else if (edit === undefined && tensor.data.kind === "raw" && tensor.data.external !== null) {
      locations.add(tensor.data.external.location);
    }
  }
  return [...locations];
}
