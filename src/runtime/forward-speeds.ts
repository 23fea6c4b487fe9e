/**
 * How fast the runtime does on this machine what forward passes are made of, with the threads it takes by itself: a
 * matrix multiplied, and operators that go through an activation value by value. Both on graphs of their own.
 */
import { type GraphEdit, openModel, serializeModel } from "../onnx/index.js";
import type { Runtime, SessionOptions } from "./runtime.js";

/** What the runtime does in a second. */
export interface ForwardSpeeds {
  /** Multiplications and additions, in a MatMul with a stored weight in float32. */
  readonly multiply: number;
  /** Values that operators such as Mul and Add go through. */
  readonly elementwise: number;
}

/** IR version 8, operator set 13, an empty graph named "g"; the rest is added to it. */
const EMPTY_MODEL = Uint8Array.of(0x08, 8, 0x42, 2, 0x10, 13, 0x3a, 3, 0x12, 1, 0x67);
const FLOAT32 = 1;

/** Rows of a sample as calibration runs it, and a hidden state that does not fit a core's nearest cache. */
const [TOKENS, CHANNELS] = [512, 1024] as const;
/** Elementwise operators, one after the other. */
const CHAIN = ["Mul", "Add", "Mul", "Add", "Mul", "Add", "Mul", "Add"] as const;
/** Long enough to see what else the machine does. */
const SECONDS = 0.7;
const LEAST_RUNS = 3;

/**
 * Measures both, about a second and a half in all.
 *
 * @throws whatever the runtime does
 */
export async function forwardSpeeds(runtime: Runtime, sessionOptions: SessionOptions): Promise<ForwardSpeeds> {
  const product = await secondsOf(runtime, sessionOptions, ["MatMul"], [CHANNELS, CHANNELS]);
  const chain = await secondsOf(runtime, sessionOptions, CHAIN, [CHANNELS]);
  return {
    multiply: (2 * TOKENS * CHANNELS * CHANNELS) / product,
    elementwise: (CHAIN.length * TOKENS * CHANNELS) / chain,
  };
}

/** Median seconds of a run of operators that each take the one before and a stored operand. */
async function secondsOf(
  runtime: Runtime,
  sessionOptions: SessionOptions,
  opTypes: readonly string[],
  operandDims: readonly number[],
): Promise<number> {
  const operand = new Float32Array(operandDims.reduce((a, b) => a * b, 1)).fill(1 / CHANNELS);
  const shape = [TOKENS, CHANNELS];
  const graph: GraphEdit = {
    addNodes: opTypes.map((opType, i) => ({
      name: `node${i}`,
      opType,
      inputs: [`value${i}`, "operand"],
      outputs: [`value${i + 1}`],
    })),
    addInitializers: [{ name: "operand", dataType: FLOAT32, dims: operandDims, bytes: new Uint8Array(operand.buffer) }],
    addInputs: [{ name: "value0", elemType: FLOAT32, shape }],
    addOutputs: [{ name: `value${opTypes.length}`, elemType: FLOAT32, shape }],
  };
  const model = await openModel(EMPTY_MODEL, { name: "speed" });
  const { bytes } = await serializeModel(model, { graphs: new Map([[model.graph, graph]]) });
  const session = await runtime.open(bytes, sessionOptions);
  try {
    const value0 = runtime.tensor("float32", new Float32Array(TOKENS * CHANNELS).fill(1), shape);
    const run = async () => {
      const start = performance.now();
      for (const output of Object.values(await session.run({ value0 }))) output.dispose?.();
      return (performance.now() - start) / 1000;
    };
    // The first run also gets memory.
    await run();
    const each: number[] = [];
    for (let spent = 0; each.length < LEAST_RUNS || spent < SECONDS; ) {
      const seconds = await run();
      each.push(seconds);
      spent += seconds;
    }
    return each.sort((a, b) => a - b)[each.length >> 1] as number;
  } finally {
    await session.release();
  }
}
