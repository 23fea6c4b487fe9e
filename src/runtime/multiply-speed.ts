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
/** Long enough to see what else the machine does. */
const SECONDS = 0.3;

/**
 * Multiplications and additions a second in a MatMul of [512, 1024] with a stored [1024, 1024] in float32, over a third
 * of a second or two runs, whichever is longer.
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
    const run = async () => (await session.run({ x })).y?.dispose?.();
    // The first run also gets memory.
    await run();
    const start = performance.now();
    let [runs, seconds] = [0, 0];
    for (; runs < 2 || seconds < SECONDS; runs++) {
      await run();
      seconds = (performance.now() - start) / 1000;
    }
    return (2 * TOKENS * CHANNELS * CHANNELS * runs) / seconds;
  } finally {
    await session.release();
  }
}
