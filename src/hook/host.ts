/**
 * transformers.js, and the ONNX Runtime it really uses. In Node the host requires
 * `onnxruntime-node` from its own place, so we resolve it from there: patching any other copy would
 * do nothing, silently.
 */
import { createRequire } from "node:module";
import * as host from "@huggingface/transformers";
import { PruneError } from "../errors.js";
import type { Runtime, RuntimeSession, RuntimeTensor, SessionOptions } from "../runtime/index.js";

export { host };

/** `InferenceSession` as far as the hook touches it. */
export interface InferenceSessionClass {
  create(model: unknown, ...rest: unknown[]): Promise<RuntimeSession>;
}

/** The parts of onnxruntime-common that matter here. */
export interface OnnxRuntimeModule {
  readonly InferenceSession: InferenceSessionClass;
  readonly env?: { readonly versions?: Readonly<Record<string, string | undefined>> };
  readonly Tensor: new (type: string, data: unknown, dims: readonly number[]) => RuntimeTensor;
}

/** Where other JavaScript runtimes put their own ONNX Runtime; the host prefers it. */
const ORT_SYMBOL = Symbol.for("onnxruntime");

let found: OnnxRuntimeModule | undefined;

/**
 * The ONNX Runtime of the host.
 *
 * @throws PruneError `not-found` where it cannot be loaded
 */
export function onnxRuntime(): OnnxRuntimeModule {
  if (found !== undefined) return found;
  const given = (globalThis as { [ORT_SYMBOL]?: OnnxRuntimeModule })[ORT_SYMBOL];
  try {
    const here = createRequire(import.meta.url);
    found =
      given ?? (createRequire(here.resolve("@huggingface/transformers"))("onnxruntime-node") as OnnxRuntimeModule);
    return found;
  } catch (cause) {
    throw new PruneError(
      "not-found",
      "the ONNX Runtime of @huggingface/transformers cannot be loaded; install @huggingface/transformers 4 beside transformers-prune",
      { cause },
    );
  }
}

/** Opens sessions with the host's runtime, past the hook. */
export function hostRuntime(create: (model: unknown, options: SessionOptions) => Promise<RuntimeSession>): Runtime {
  const { Tensor } = onnxRuntime();
  return {
    open: (model, options) => create(model, { logSeverityLevel: LOG_ERRORS, ...options }),
    tensor: (type, data, dims) => new Tensor(type, data, dims),
  };
}

/** ONNX Runtime's level 3: errors only, which is also the host's default. */
const LOG_ERRORS = 3;

/** Versions of the host and of its ONNX Runtime, for the record of a pruned model. */
export function hostVersions(): Record<string, string> {
  const { node = "unknown" } = onnxRuntime().env?.versions ?? {};
  return { "@huggingface/transformers": host.env.version, "onnxruntime-node": node };
}
