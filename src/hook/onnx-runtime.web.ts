/**
 * The ONNX Runtime of the host in browsers: the module that transformers.js itself imports, which a
 * bundler or an import map resolves once for both.
 */
import * as onnx from "onnxruntime-web/webgpu";
import type { OnnxRuntimeModule } from "./onnx-runtime.js";

/** Where other JavaScript runtimes put their own ONNX Runtime; the host prefers it. */
const ORT_SYMBOL = Symbol.for("onnxruntime");

/** The ONNX Runtime of the host. */
export function onnxRuntime(): OnnxRuntimeModule {
  const given = (globalThis as { [ORT_SYMBOL]?: OnnxRuntimeModule })[ORT_SYMBOL];
  return given ?? (onnx as unknown as OnnxRuntimeModule);
}
