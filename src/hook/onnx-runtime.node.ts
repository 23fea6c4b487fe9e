/**
 * The ONNX Runtime of the host in Node. The host requires `onnxruntime-node` from its own place, so we
 * resolve it from there: patching any other copy would do nothing, silently.
 */
import { createRequire } from "node:module";
import { PruneError } from "../errors.js";
import { givenRuntime, type OnnxRuntimeModule } from "./onnx-runtime.js";

let found: OnnxRuntimeModule | undefined;

/**
 * The ONNX Runtime of the host.
 *
 * @throws PruneError `not-found` where it cannot be loaded
 */
export function onnxRuntime(): OnnxRuntimeModule {
  if (found !== undefined) return found;
  try {
    const here = createRequire(import.meta.url);
    found =
      givenRuntime() ??
      (createRequire(here.resolve("@huggingface/transformers"))("onnxruntime-node") as OnnxRuntimeModule);
    return found;
  } catch (cause) {
    throw new PruneError(
      "not-found",
      "the ONNX Runtime of @huggingface/transformers cannot be loaded; install @huggingface/transformers 4 beside transformers-prune",
      { cause },
    );
  }
}
