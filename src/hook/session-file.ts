/**
 * Names of session files. The host says `decoder_model_merged` in its options and opens
 * `…/onnx/decoder_model_merged_q4.onnx`; `create` sees only the path, or bytes and external data.
 */
import { PruneError } from "../errors.js";
import type { ExternalFile, ModelInput } from "../onnx/index.js";
import type { ModelFile } from "../prune/index.js";
import type { SessionOptions } from "../runtime/index.js";

/** The host's dtype suffixes (its DEFAULT_DTYPE_SUFFIX_MAPPING). */
const DTYPE_SUFFIX = /_(fp16|quantized|int8|uint8|q[124]|q[124]f16|bnb4)$/;

/** Paths of session files that came as bytes, where they are known. */
const PATHS = new WeakMap<object, string>();

/** Remembers what file some bytes are. */
export const nameBytes = (bytes: object, path: string): void => {
  PATHS.set(bytes, path);
};

/** A model as `create` got it. */
export function modelFileOf(model: unknown, options: SessionOptions): ModelFile {
  const externalData = options.externalData as readonly ExternalFile[] | undefined;
  const path = typeof model === "string" ? model : (PATHS.get(model as object) ?? externalData?.[0]?.path);
  return {
    input: model as ModelInput,
    // The host names external data after the file it belongs to: `model_q4.onnx_data`.
    name: path === undefined ? "model" : path.replace(/^.*[\\/]/, "").replace(/\.onnx(?:[._]data(?:_\d+)?)?$/, ""),
    ...(externalData && { externalData }),
  };
}

/** Tells the files of one model apart: by their path, or by name and size where they are bytes. */
export function fileKey({ input, name }: Pick<ModelFile, "input" | "name">): string {
  if (typeof input === "string") return input;
  return `${name}, ${input instanceof Blob ? input.size : input.byteLength} bytes`;
}

/** The error for two sessions of one load that cannot be told apart. */
export const sameFileTwice = (file: ModelFile): PruneError =>
  new PruneError(
    "unsupported",
    `two sessions of the model are the same file, or bytes of the same name and size (${fileKey(file)}); load the model from files`,
  );

/** The name that `dtype`, `device` and `prune` maps use: without dtype suffix. */
export const sessionFileName = (name: string): string => name.replace(DTYPE_SUFFIX, "");

/** The dtype that a file's name stands for, in the host's words: `fp32`, `fp16`, `q8`, … */
export function dtypeOf(name: string): string {
  const suffix = DTYPE_SUFFIX.exec(name)?.[1] ?? "fp32";
  return suffix === "quantized" ? "q8" : suffix;
}
