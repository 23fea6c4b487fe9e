/**
 * The runtime that tests run models with: onnxruntime-node, behind the interface that `hook/` gives
 * the package in use. Sessions are counted, so that a test can see whether all were released.
 */
import { createRequire } from "node:module";
import type { Runtime, RuntimeSession, RuntimeTensor, SessionOptions } from "../../src/runtime/index.js";

/** The parts of onnxruntime-node that tests use. */
interface OnnxRuntime {
  readonly InferenceSession: {
    create(model: string | Uint8Array, options: SessionOptions): Promise<RuntimeSession>;
  };
  readonly Tensor: new (type: string, data: unknown, dims: readonly number[]) => RuntimeTensor;
}

const { InferenceSession, Tensor } = createRequire(import.meta.url)("onnxruntime-node") as OnnxRuntime;

/** ONNX Runtime's level 4: tests look at errors themselves. */
const QUIET = { logSeverityLevel: 4 };

/** A runtime with a count of the sessions that are open. */
export interface TestRuntime extends Runtime {
  readonly openSessions: () => number;
}

/** A runtime of its own for each test that counts sessions. */
export function testRuntime(): TestRuntime {
  let open = 0;
  return {
    openSessions: () => open,
    tensor: (type, data, dims) => new Tensor(type, data, dims),
    async open(model, options) {
      const session = await InferenceSession.create(model, { ...QUIET, ...options });
      open++;
      const release = session.release.bind(session);
      session.release = async () => {
        open--;
        await release();
      };
      return session;
    },
  };
}

/** float32 values as a tensor of the runtime. */
export const floats = (runtime: Runtime, values: ArrayLike<number>, dims: readonly number[]): RuntimeTensor =>
  runtime.tensor("float32", Float32Array.from(values), dims);

/** Whole numbers as an int64 tensor of the runtime. */
export const int64s = (runtime: Runtime, values: readonly number[], dims: readonly number[]): RuntimeTensor =>
  runtime.tensor("int64", BigInt64Array.from(values, BigInt), dims);
