/**
 * How fast the runtime multiplies on this machine, with the threads it takes by itself: a graph of one MatMul, the
 * kind of work that nearly all of a forward pass is.
 */
import { type GraphEdit, openModel, serializeModel } from "../onnx/index.js";
import type { Runtime, SessionOptions } from "./runtime.js";

/** IR version 8, operator set 13, an empty graph named "g"; the rest is added to it. */
const EMPTY_MODEL = Uint8Array.of(0x08, 8, 0x42, 2, 0x10, 13, 0x3a, 3, 0x12, 1, 0x67);
const FLOAT32 = 1;

/** Rows of a sample as calibration runs it, and a weight that does not fit a core's nearest cache. */
const [TOKENS, CHANNELS] = [512, 1024] as const;
/** The first run also gets memory. */
const RUNS = 5;

/**
 * Multiplications and additions a second in a MatMul of [512, 1024] with a stored [1024, 1024] in float32: the best of
 * a few runs, about a tenth of a second in all.
 *
 * @throws whatever the runtime does
 */
export async function multiplySpeed(runtime: Runtime, sessionOptions: SessionOptions): Promise<number> {
  const model = await openModel(EMPTY_MODEL, { name: "speed" });
  const weight = new Float32Array(CHANNELS * CHANNELS).fill(1 / CHANNELS);
  const graph: GraphEdit = {
    addNodes: [{ name: "multiply", opType: "MatMul", inputs: ["x", "w"], outputs: ["y"] }],
    addInitializers: [
      { name: "w", dataType: FLOAT32, dims: [CHANNELS, CHANNELS], bytes: new Uint8Array(weight.buffer) },
    ],
    addInputs: [{ name: "x", elemType: FLOAT32, shape: [TOKENS, CHANNELS] }],
    addOutputs: [{ name: "y", elemType: FLOAT32, shape: [TOKENS, CHANNELS] }],
  };
  const { bytes } = await serializeModel(model, { graphs: new Map([[model.graph, graph]]) });
  const session = await runtime.open(bytes, sessionOptions);
  try {
    const x = runtime.tensor("float32", new Float32Array(TOKENS * CHANNELS).fill(1), [TOKENS, CHANNELS]);
    let fastest = Number.POSITIVE_INFINITY;
    for (let run = 0; run <= RUNS; run++) {
      const start = performance.now();
      (await session.run({ x })).y?.dispose?.();
      fastest = Math.min(fastest, (performance.now() - start) / 1000);
    }
    return (2 * TOKENS * CHANNELS * CHANNELS) / fastest;
  } finally {
    await session.release();
  }
}
