/** transformers.js, and sessions of the ONNX Runtime it really uses. */
import * as host from "@huggingface/transformers";
import type { Runtime, RuntimeSession, SessionOptions } from "../runtime/index.js";
import { onnxRuntime } from "./onnx-runtime.node.js";

export type { InferenceSessionClass, OnnxRuntimeModule } from "./onnx-runtime.js";
export { host, onnxRuntime };

/** Opens a session of the host's runtime, for ourselves. */
export const createSession = (model: unknown, options: SessionOptions): Promise<RuntimeSession> =>
  onnxRuntime().InferenceSession.create(model, options);

/** Opens sessions with the host's runtime, past the hook where `create` is the runtime's own. */
export function hostRuntime(create: typeof createSession = createSession): Runtime {
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
  const { node, web } = onnxRuntime().env?.versions ?? {};
  const runtime = node === undefined ? { "onnxruntime-web": web ?? "unknown" } : { "onnxruntime-node": node };
  return { "@huggingface/transformers": host.env.version, ...runtime };
}
