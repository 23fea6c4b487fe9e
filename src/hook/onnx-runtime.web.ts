/**
 * The ONNX Runtime of the host in browsers: the module that transformers.js itself imports, which a
 * bundler or an import map resolves once for both.
 */
import * as onnx from "onnxruntime-web/webgpu";
import { givenRuntime, type OnnxRuntimeModule } from "./onnx-runtime.js";

/** The ONNX Runtime of the host. */
export const onnxRuntime = (): OnnxRuntimeModule => givenRuntime() ?? (onnx as unknown as OnnxRuntimeModule);
