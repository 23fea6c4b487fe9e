/** What ONNX Runtime makes of packed weights: the same bits as with zeros stored densely, folded when the model is loaded. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onnx } from "onnx-proto";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { graphsOf, openModel, readTensor } from "../../../src/onnx/index.js";
import {
  bytesOf,
  DATA_TYPE,
  float16,
  float32,
  ifNode,
  int8,
  type ModelSpec,
  node,
  rawTensor,
  uint8,
  value,
} from "../../helpers/model.js";
import { layersOf, TOKENS } from "../../prune/one-layer.js";
import { HALF, type Masking, packedAndDense, packedLayer, TWO_OF_FOUR } from "./packed-model.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "packed-"));
});
afterAll(() => rm(folder, { recursive: true }));

const QUIET = { logSeverityLevel: 4 } as const;
const ROWS = 64;
const COLUMNS = 48;

/** Any values, −0 and infinities among them. */
const series = (count: number) =>
  Float32Array.from(
    { length: count },
    (_, k) => [Math.sin(k * 7.7), -0, Number.POSITIVE_INFINITY][k % 31 === 5 ? 1 : k % 97 === 9 ? 2 : 0] as number,
  );

/** y = x · w; and w itself, so that its bits can be seen. */
const linear = (weight: onnx.ITensorProto, dataType: number): ModelSpec => ({
  inputs: [value("x", [1, ROWS], dataType)],
  nodes: [node("MatMul", ["x", "w"], ["y"]), node("Identity", ["w"], ["seen"])],
  initializers: [weight],
  outputs: [value("y", [1, COLUMNS], dataType), value("seen", [ROWS, COLUMNS], dataType)],
});

const seen = (weight: onnx.ITensorProto, dataType: number, dims = [ROWS, COLUMNS]): ModelSpec => ({
  inputs: [value("x", [1])],
  nodes: [node("Identity", ["w"], ["seen"]), node("Identity", ["x"], ["y"])],
  initializers: [weight],
  outputs: [value("seen", dims, dataType), value("y", [1])],
});

async function outputsOf(model: Uint8Array, feeds: Record<string, Tensor>): Promise<Record<string, Uint8Array>> {
  const session = await InferenceSession.create(model, QUIET);
  const outputs = await session.run(feeds);
  await session.release();
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { data }]) => [name, bytesOf(data as Float32Array).slice()]),
  );
}

const halves = () => float16("w", [ROWS, COLUMNS], series(ROWS * COLUMNS));
const ones = new Tensor("float32", new Float32Array(ROWS).fill(1), [1, ROWS]);
const x = { x: new Tensor("float32", [1], [1]) };
const count = ROWS * COLUMNS;

const CASES: readonly [string, ModelSpec, Masking, Record<string, Tensor>][] = [
  ["float32 by a mask", linear(float32("w", [ROWS, COLUMNS], series(count)), 1), { pattern: HALF }, { x: ones }],
  ["float32 by slots", linear(float32("w", [ROWS, COLUMNS], series(count)), 1), { pattern: TWO_OF_FOUR }, { x: ones }],
  ["float16 by a mask", seen(halves(), DATA_TYPE.float16), { pattern: HALF }, x],
  ["float16 by slots", seen(halves(), DATA_TYPE.float16), { pattern: TWO_OF_FOUR }, x],
  ["slots along the last axis", seen(halves(), DATA_TYPE.float16), { pattern: TWO_OF_FOUR, order: "out-in" }, x],
  ["1:4", seen(halves(), DATA_TYPE.float16), { pattern: { kind: "n:m", keep: 1, of: 4, permute: false } }, x],
  ["1:2", seen(halves(), DATA_TYPE.float16), { pattern: { kind: "n:m", keep: 1, of: 2, permute: false } }, x],
  [
    "4:8, whose mask is shorter",
    seen(halves(), DATA_TYPE.float16),
    { pattern: { kind: "n:m", keep: 4, of: 8, permute: false } },
    x,
  ],
  ["chosen groups", seen(halves(), DATA_TYPE.float16), { pattern: { kind: "n:m", keep: 2, of: 4, permute: true } }, x],
  [
    "codes of one byte",
    seen(
      int8(
        "w",
        [128, 64],
        Int8Array.from({ length: 8192 }, (_, k) => k % 251),
      ),
      DATA_TYPE.int8,
      [128, 64],
    ),
    { pattern: HALF },
    x,
  ],
  [
    "unsigned codes",
    seen(
      uint8(
        "w",
        [128, 64],
        Uint8Array.from({ length: 8192 }, (_, k) => k % 251),
      ),
      DATA_TYPE.uint8,
      [128, 64],
    ),
    { pattern: TWO_OF_FOUR },
    x,
  ],
  [
    "a matrix with a leading axis of 1",
    seen(float16("w", [1, ROWS, COLUMNS], series(count)), DATA_TYPE.float16, [1, ROWS, COLUMNS]),
    { pattern: TWO_OF_FOUR },
    x,
  ],
];

describe("a packed weight", () => {
  it.each(CASES)("has the bits of the dense one with zeros: %s", async (_, spec, masking, feeds) => {
    const { packed, dense } = await packedAndDense(spec, { w: masking });
    expect(await outputsOf(packed, feeds)).toEqual(await outputsOf(dense, feeds));
  });

  it.each([11, 13, 17, 21])("loads with operator set %i", async (opset) => {
    for (const pattern of [HALF, TWO_OF_FOUR]) {
      const spec = { ...seen(halves(), DATA_TYPE.float16), opset, irVersion: 6 };
      const { packed, dense } = await packedAndDense(spec, { w: { pattern } });
      expect(await outputsOf(packed, x)).toEqual(await outputsOf(dense, x));
    }
  });

  it.each([11, 13])("loads with operator set %i where pairs of codes have a zero point by block", async (opset) => {
    const layer = layersOf({ out: 8, in: 64 }).find(({ variant }) => /^of 4 bits.*points packed/.test(variant));
    if (layer === undefined) throw new Error("no such layer");
    const feeds = { x: new Tensor("float32", Float32Array.from(layer.x), [TOKENS, 64]) };
    for (const pattern of [HALF, TWO_OF_FOUR]) {
      const { packed, dense } = await packedLayer({ ...layer.spec, opset, irVersion: 6 }, pattern);
      expect(await outputsOf(packed, feeds)).toEqual(await outputsOf(dense, feeds));
    }
  });

  it.each(["float32", "bfloat16"] as const)("is one initializer once the model is loaded: %s", async (type) => {
    for (const pattern of [HALF, TWO_OF_FOUR]) {
      const stored = bytesOf(series(count)).slice(0, count * (type === "float32" ? 4 : 2));
      const spec: ModelSpec = {
        inputs: [value("x", [1, ROWS])],
        nodes: [node("Cast", ["w"], ["f"], { to: 1 }), node("MatMul", ["x", "f"], ["y"])],
        initializers: [rawTensor("w", DATA_TYPE[type], [ROWS, COLUMNS], stored)],
        outputs: [value("y", [1, COLUMNS])],
      };
      const { packed, dense } = await packedAndDense(spec, { w: { pattern } });
      const [fromPacked, fromDense] = [await optimised(packed), await optimised(dense)];
      expect(fromPacked.operators).toEqual(["MatMul"]);
      expect(fromPacked).toEqual(fromDense);
    }
  });

  it("folds in the branches of an If, whether its initializer lies outside or inside", async () => {
    const branch = (name: string): Parameters<typeof ifNode>[2] => ({
      nodes: [node("MatMul", ["x", "w"], [`${name}_a`]), node("MatMul", [`${name}_a`, `${name}_w`], [`${name}_y`])],
      initializers: [float32(`${name}_w`, [COLUMNS, ROWS], series(count))],
      outputs: [value(`${name}_y`, [1, ROWS])],
    });
    const spec: ModelSpec = {
      inputs: [value("x", [1, ROWS]), value("c", [1], 9)],
      nodes: [ifNode("c", ["y"], branch("then"), branch("else"))],
      initializers: [
        float32(
          "w",
          [ROWS, COLUMNS],
          series(count).map((v) => (Number.isFinite(v) ? v : 1)),
        ),
      ],
      outputs: [value("y", [1, ROWS])],
    };
    const masking = { w: { pattern: HALF }, then_w: { pattern: TWO_OF_FOUR }, else_w: { pattern: HALF } };
    const { packed, dense } = await packedAndDense(spec, masking);
    const feeds = { x: ones, c: new Tensor("bool", [false], [1]) };
    expect(await outputsOf(packed, feeds)).toEqual(await outputsOf(dense, feeds));
    expect((await optimised(packed)).operators).toEqual(["If", "MatMul", "MatMul", "MatMul", "MatMul"]);
  });

  it("stands in a file whose nodes come in the order in which they depend", async () => {
    const spec = linear(float32("w", [ROWS, COLUMNS], series(count)), 1);
    const { packed } = await packedAndDense(spec, { w: { pattern: HALF } });
    const { graph } = onnx.ModelProto.decode(packed);
    const known = new Set([...(graph?.initializer ?? []), ...(graph?.input ?? [])].map(({ name }) => name));
    for (const { input, output } of graph?.node ?? []) {
      for (const name of input ?? []) expect(known).toContain(name);
      for (const name of output ?? []) known.add(name);
    }
  });
});

/** What ONNX Runtime leaves of a model: operators, and the large initializers. */
async function optimised(model: Uint8Array): Promise<{ operators: string[]; weights: Uint8Array[] }> {
  const path = join(folder, `${Math.random()}.onnx`);
  const options = { ...QUIET, optimizedModelFilePath: path, graphOptimizationLevel: "basic" } as const;
  await (await InferenceSession.create(model, options)).release();
  const read = await openModel(path);
  const graphs = [...graphsOf(read.graph)];
  const large = graphs.flatMap(({ initializers }) => initializers).filter(({ dims }) => dims.length === 2);
  const weights = await Promise.all(large.map(async (tensor) => new Uint8Array(await readTensor(tensor))));
  await read.close();
  return { operators: graphs.flatMap(({ nodes }) => nodes.map(({ opType }) => opType)).sort(), weights };
}
