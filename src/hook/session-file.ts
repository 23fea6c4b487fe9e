/**
 * Names of session files. The host says `decoder_model_merged` in its options and opens
 * `…/onnx/decoder_model_merged_q4.onnx`; `create` sees only the path, or bytes and external data.
 */
import type { ExternalFile, ModelInput } from "../onnx/index.js";
import type { ModelFile } from "../prune/index.js";
import type { SessionOptions } from "../runtime/index.js";

/** The host's dtype suffixes (its DEFAULT_DTYPE_SUFFIX_MAPPING). */
const DTYPE_SUFFIX = /_(?:fp16|quantized|int8|uint8|q[124]|q[124]f16|bnb4)$/;

/** A model as `create` got it. */
export function modelFileOf(model: unknown, options: SessionOptions): ModelFile {
  const externalData = options.externalData as readonly ExternalFile[] | undefined;
  const path = typeof model === "string" ? model : externalData?.[0]?.path;
  return {
    input: model as ModelInput,
    // The host names external data after the file it belongs to: `model_q4.onnx_data`.
    name: path === undefined ? "model" : path.replace(/^.*[\\/]/, "").replace(/\.onnx(?:[._]data(?:_\d+)?)?$/, ""),
    ...(externalData && { externalData }),
  };
}

/** The name that `dtype`, `device` and `prune` maps use: without dtype suffix. */
export const sessionFileName = (name: string): string => name.replace(DTYPE_SUFFIX, "");
