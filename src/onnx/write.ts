/**
 * Streams a model with edits to a sink: payloads go from their files to the sink in chunks, so a
 * 2 GB model is written with a few MB of memory, and edited values are asked for one tensor at a time.
 */
import { PruneError } from "../errors.js";
import { editedModel } from "./edits.js";
import { type DataFile, keepLayout, type Layout, newLayout } from "./layout.js";
import { chunksOf } from "./pieces.js";
import { MAX_MODEL_BYTES, tooLarge } from "./serialize.js";
import type { ModelEdits, OnnxModel } from "./types.js";

const CHUNK_BYTES = 4 * 2 ** 20;

/** Takes files as they are written, one after the other, each from its first byte to its last. */
export interface ModelSink {
  /** Appends a chunk to a file; the first chunk creates it, and may be empty. The chunk is read-only, and stays as it is after the call. */
  write(fileName: string, chunk: Uint8Array): Promise<void>;
}

export interface WriteOptions {
  /** Name of the .onnx, such as `model_fp16.onnx`; data files are named after it. */
  readonly fileName: string;
  /**
   * `"auto"` (default): values stay inside the .onnx, or outside where they were outside; a model that
   * outgrows 2 GiB becomes external. `"always"`: every initializer of 1 KB or more becomes external.
   */
  readonly external?: "auto" | "always";
  readonly signal?: AbortSignal | undefined;
  /** Called after each chunk with the bytes written so far, all files together, and those to be written. */
  readonly onBytes?: ((done: number, total: number) => void) | undefined;
  /** Most bytes of one chunk; 4 MiB unless told. */
  readonly chunkBytes?: number;
}

export interface WrittenModel {
  /** In the order in which they were written: data files, then the .onnx that refers to them. */
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  /** Bytes of all files. */
  readonly bytes: number;
}

/**
 * Writes a model with edits. A model without edits and with its file names is copied byte for byte.
 *
 * With external data under `"auto"`, data files keep their bytes and every tensor its offset; their
 * names become `<fileName>_data`, `<fileName>_data_1`, … unless they are among these already. An edit
 * of kind `external` is written as it is; its file is the caller's.
 *
 * @throws PruneError `unsupported` where it cannot be stored within the limits of ONNX and
 *   transformers.js; `bad-model` where values have the wrong length or a source has changed;
 *   `bad-option` for a file name with a folder. Whatever the sink throws and the signal's reason pass through.
 */
export async function writeModel(
  model: OnnxModel,
  edits: ModelEdits,
  sink: ModelSink,
  options: WriteOptions,
): Promise<WrittenModel> {
  const { signal, onBytes, chunkBytes = CHUNK_BYTES } = options;
  signal?.throwIfAborted();
  const files = planFiles(model, edits, options);
  const total = files.reduce((sum, file) => sum + file.pieces.length, 0);
  let done = 0;
  for (const { name, pieces } of files) {
    if (pieces.length === 0) await sink.write(name, new Uint8Array(0));
    const chunks = chunksOf(pieces, chunkBytes);
    // The next chunk is read while the sink writes this one.
    let next = chunks.next();
    for (let chunk = await next; chunk.done !== true; chunk = await next) {
      signal?.throwIfAborted();
      next = chunks.next();
      next.catch(() => {});
      await sink.write(name, chunk.value);
      done += chunk.value.length;
      onBytes?.(done, total);
    }
  }
  return { files: files.map(({ name, pieces }) => ({ name, bytes: pieces.length })), bytes: total };
}

/**
 * Bytes of all files that `writeModel` would write; no value is read.
 *
 * @throws PruneError as {@link writeModel}, where it would before the first byte
 */
export function plannedBytes(
  model: OnnxModel,
  edits: ModelEdits,
  options: Pick<WriteOptions, "fileName" | "external">,
): number {
  return planFiles(model, edits, options).reduce((sum, { pieces }) => sum + pieces.length, 0);
}

/** The files to write, data files first. `maxModelBytes` is the most that a .onnx may hold. */
export function planFiles(
  model: OnnxModel,
  edits: ModelEdits,
  options: Pick<WriteOptions, "fileName" | "external">,
  maxModelBytes = MAX_MODEL_BYTES,
): readonly DataFile[] {
  const { fileName, external = "auto" } = options;
  if (fileName === "" || /[/\\]/.test(fileName)) {
    throw new PruneError(
      "bad-option",
      `fileName is "${fileName}"; expected a file name without folder, as "model.onnx"`,
    );
  }
  const withLayout = ({ tensors, dataFiles }: Layout) => [
    ...dataFiles,
    { name: fileName, pieces: editedModel(model, { ...edits, tensors }) },
  ];
  const bytesOfModel = (files: readonly DataFile[]) => files.at(-1)?.pieces.length ?? 0;

  if (external === "auto") {
    const files = withLayout(keepLayout(model, edits, fileName));
    if (bytesOfModel(files) <= maxModelBytes) return files;
  }
  const files = withLayout(newLayout(model, edits, fileName));
  if (bytesOfModel(files) > maxModelBytes) throw tooLarge(fileName, bytesOfModel(files));
  return files;
}
