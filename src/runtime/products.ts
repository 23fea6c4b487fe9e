/**
 * Products of dense matrices by the runtime's own kernels: a graph of one Gemm for each way of multiplying, whose
 * operands are inputs; in pages, whose ONNX Runtime has no Gemm of float64, an Einsum for that. No other code at hand
 * multiplies nearly as fast (`npm run bench -- linalg`). On the CPU a product keeps the thread until it is done, so long
 * ones are done in parts.
 */
import { inParts } from "../linalg/in-parts.js";
import { productShape } from "../linalg/product-shape.js";
import { type Dense, emptyLike, type ProductOptions, type Products } from "../linalg/products.js";
import { transposed } from "../linalg/transposed.js";
import { type NewAttribute, openModel, serializeModel } from "../onnx/index.js";
import { free } from "../tensor/free.js";
import { type Runtime, type RuntimeSession, type SessionOptions, takingTurns } from "./runtime.js";

/** Products whose sessions are open until they are released. */
export interface OpenProducts extends Products {
  /** Closes every session; the products cannot be used afterwards. */
  release(): Promise<void>;
}

/** IR version 8, operator set 13, an empty graph named "g"; the rest is added to it. */
const EMPTY_MODEL = Uint8Array.of(0x08, 8, 0x42, 2, 0x10, 13, 0x3a, 3, 0x12, 1, 0x67);
const ELEMENT_TYPES = { float32: 1, float64: 11 } as const;

/** What takes more than about 50 ms on one core is done in parts of 512 × 512, which take about 10 ms. */
const PARTS = { side: 512, work: 2 ** 32 } as const;

/** One graph: what is said before operands are there. */
interface Way {
  readonly type: keyof typeof ELEMENT_TYPES;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly negative: boolean;
  readonly plus: boolean;
}

/** A session of one graph. */
interface OpenWay {
  readonly session: RuntimeSession;
  /** Whether it multiplies and no more: sign and summand are left to us. */
  readonly isBare: boolean;
}

/**
 * Products in sessions of `runtime`, each opened when it is needed first. Products in float32 run where
 * `sessionOptions` say; those in float64 always on the CPU, because WebGPU has no such type and most other devices
 * are slow at it.
 *
 * @throws never by itself; products throw a RangeError where shapes do not fit, and whatever the runtime does
 */
export function openProducts(runtime: Runtime, sessionOptions: SessionOptions): OpenProducts {
  const sessions = new Map<string, Promise<OpenWay>>();
  const options = takingTurns(ofOneNode(sessionOptions));
  const sessionFor = (way: Way): Promise<OpenWay> => {
    const key = JSON.stringify(way);
    const known = sessions.get(key);
    if (known !== undefined) return known;
    const session =
      way.type === "float64"
        ? openDouble(runtime, way, { ...options, executionProviders: ["cpu"] })
        : open(runtime, gemm(way), way, options).then((session) => ({ session, isBare: false }));
    sessions.set(key, session);
    // One that could not be opened has nothing to release, and may be tried again.
    session.catch(() => sessions.delete(key));
    return session;
  };
  const whole: Products = {
    async multiply<Values extends Float32Array | Float64Array>(
      a: Dense<Values>,
      b: Dense<Values>,
      how: ProductOptions<Values> = {},
    ): Promise<Dense<Values>> {
      const { rows, inner, columns } = productShape(a, b, how);
      const { transposeB = false, factor = 1, plus } = how;
      // Kernels refuse operands without elements.
      if (rows * columns * inner === 0)
        return { rows, columns, values: (plus?.values.slice() ?? emptyLike(a.values, rows * columns)) as Values };
      const type = a.values instanceof Float32Array ? "float32" : "float64";
      // In float64 the CPU's kernels take twice as long for a transposed first operand.
      const transposeFirst = how.transposeA === true && type === "float64";
      const transposeA = how.transposeA === true && !transposeFirst;
      let [left, right] = [transposeFirst ? transposed(a) : a, b];
      // Only the sign is part of the graph, or every factor would open a session of its own.
      const size = Math.abs(factor);
      if (size !== 1)
        [left, right] =
          left.values.length < right.values.length ? [scaled(left, size), right] : [left, scaled(right, size)];
      const { session, isBare } = await sessionFor({
        type,
        transposeA,
        transposeB,
        negative: factor < 0,
        plus: plus !== undefined,
      });
      const tensor = (matrix: Dense<Values>) => runtime.tensor(type, matrix.values, [matrix.rows, matrix.columns]);
      const feeds = { a: tensor(left), b: tensor(right), ...(plus && !isBare && { plus: tensor(plus) }) };
      const { product } = await session.run(feeds);
      for (const [operand, given] of [
        [left, a],
        [right, b],
      ] as const)
        if (operand.values !== given.values) free(operand.values);
      const values = product?.data as unknown as Values;
      if (isBare) finish(values, factor < 0, plus?.values);
      return { rows, columns, values };
    },
  };
  return {
    ...inParts(whole, PARTS),
    async release() {
      const open = [...sessions.values()];
      sessions.clear();
      await Promise.all(open.map(async (way) => (await way).session.release()));
    },
  };
}

/** Options of a model's session, without what is about that model: its files, its axes, where its outputs go. */
function ofOneNode({
  externalData: _files,
  freeDimensionOverrides: _axes,
  preferredOutputLocation: _places,
  enableGraphCapture: _capture,
  optimizedModelFilePath: _path,
  ...options
}: SessionOptions): SessionOptions {
  return options;
}

/** ONNX Runtime in pages has no Gemm of float64, but an Einsum. */
async function openDouble(runtime: Runtime, way: Way, options: SessionOptions): Promise<OpenWay> {
  try {
    return { session: await open(runtime, gemm(way), way, options), isBare: false };
  } catch (error) {
    const bare = open(runtime, einsum(way), { ...way, plus: false }, options);
    return { session: await bare.catch(() => Promise.reject(error)), isBare: true };
  }
}

const gemm = ({ transposeA, transposeB, negative }: Way): Node => ({
  opType: "Gemm",
  attributes: [
    { name: "transA", kind: "int", value: Number(transposeA) },
    { name: "transB", kind: "int", value: Number(transposeB) },
    { name: "alpha", kind: "float", value: negative ? -1 : 1 },
  ],
});

const einsum = ({ transposeA, transposeB }: Way): Node => {
  const equation = `${transposeA ? "ki" : "ik"},${transposeB ? "jk" : "kj"}->ij`;
  return { opType: "Einsum", attributes: [{ name: "equation", kind: "string", value: equation }] };
};

/** What a bare product lacks, in place. */
function finish(values: Float32Array | Float64Array, negative: boolean, plus: Float32Array | Float64Array | undefined) {
  const sign = negative ? -1 : 1;
  if (plus !== undefined)
    for (let k = 0; k < values.length; k++) values[k] = (plus[k] as number) + sign * (values[k] as number);
  else if (negative) for (let k = 0; k < values.length; k++) values[k] = -(values[k] as number);
}

type Node = { readonly opType: string; readonly attributes: readonly NewAttribute[] };

/** A graph of one node. */
async function open(
  runtime: Runtime,
  node: Node,
  { type, plus }: Pick<Way, "type" | "plus">,
  options: SessionOptions,
): Promise<RuntimeSession> {
  const matrix = (name: string) => ({
    name,
    elemType: ELEMENT_TYPES[type],
    shape: [`${name} rows`, `${name} columns`],
  });
  const inputs = ["a", "b", ...(plus ? ["plus"] : [])];
  const model = await openModel(EMPTY_MODEL, { name: "product" });
  const graph = {
    addNodes: [{ name: "product", inputs, outputs: ["product"], ...node }],
    addInputs: inputs.map(matrix),
    addOutputs: [matrix("product")],
  };
  const { bytes } = await serializeModel(model, { graphs: new Map([[model.graph, graph]]) });
  return runtime.open(bytes, options);
}

const scaled = <Values extends Float32Array | Float64Array>(matrix: Dense<Values>, by: number): Dense<Values> => ({
  ...matrix,
  values: matrix.values.map((value: number) => value * by) as Values,
});
