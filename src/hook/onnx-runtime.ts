/** The parts of onnxruntime-common that matter here, whichever runtime brings them. */
import type { RuntimeSession, RuntimeTensor } from "../runtime/index.js";

/** `InferenceSession` as far as the hook touches it. */
export interface InferenceSessionClass {
  readonly prototype: RuntimeSession;
  create(model: unknown, ...rest: unknown[]): Promise<RuntimeSession>;
}

/** The parts of onnxruntime-common that matter here. */
export interface OnnxRuntimeModule {
  readonly InferenceSession: InferenceSessionClass;
  readonly env?: {
    readonly versions?: Readonly<Record<string, string | undefined>>;
    /** In browsers, the device of the WebGPU sessions, once there is one. */
    readonly webgpu?: { device?: unknown };
  };
  readonly Tensor: new (type: string, data: unknown, dims: readonly number[]) => RuntimeTensor;
}

/** Where other JavaScript runtimes put their own ONNX Runtime; the host prefers it. */
const ORT_SYMBOL = Symbol.for("onnxruntime");

/** The runtime that the JavaScript runtime itself brings, where it does. */
export const givenRuntime = (): OnnxRuntimeModule | undefined =>
  (globalThis as { [ORT_SYMBOL]?: OnnxRuntimeModule })[ORT_SYMBOL];
