/** Taking the packing back without a runtime, also from files that somebody has tampered with. */
import fc from "fast-check";
import { onnx } from "onnx-proto";
import { describe, expect, it } from "vitest";
import { PruneError } from "../../../src/errors.js";
import { graphsOf, type OnnxModel, openModel, readTensor, serializeModel, viewOf } from "../../../src/onnx/index.js";
import { findPacked, unpackEdits } from "../../../src/rewrite/packed/index.js";
import { bytesOf, float16, float32, ifNode, type ModelSpec, modelBytes, node, value } from "../../helpers/model.js";
import { layersOf } from "../../prune/one-layer.js";
import { HALF, packedAndDense, packedLayer, TWO_OF_FOUR } from "./packed-model.js";

const ROWS = 64;
const COLUMNS = 48;
const series = (count: number) => Float32Array.from({ length: count }, (_, k) => Math.sin(k * 3.3));

const SPEC: ModelSpec = {
  inputs: [value("x", [1, ROWS])],
  nodes: [node("MatMul", ["x", "v"], ["h"]), node("MatMul", ["h", "w"], ["y"])],
  initializers: [
    float32("v", [ROWS, COLUMNS], series(ROWS * COLUMNS)),
    float32("w", [COLUMNS, ROWS], series(ROWS * COLUMNS)),
  ],
  outputs: [value("y", [1, ROWS])],
};
const MASKING = { v: { pattern: HALF }, w: { pattern: TWO_OF_FOUR } };

async function unpacked(packed: Uint8Array) {
  const model = await openModel(packed);
  const found = await findPacked(model);
  const { bytes } = await serializeModel(model, unpackEdits(model, found));
  return { found, bytes };
}

/** What a reader sees of a model: names, types, shapes and bytes of all initializers, and all operators. */
async function seenIn(model: OnnxModel) {
  const graphs = [...graphsOf(model.graph)];
  const tensors = graphs.flatMap(({ initializers }) => initializers);
  const values = await Promise.all(tensors.map(async (tensor) => [...(await readTensor(tensor))]));
  return {
    tensors: tensors.map(({ name, dataType, dims }, index) => ({ name, dataType, dims, values: values[index] })),
    nodes: graphs.map(({ nodes }) => nodes.map(({ opType, outputs }) => [opType, outputs])),
  };
}

const sorted = (bytes: Uint8Array) => {
  const { graph } = onnx.ModelProto.decode(bytes);
  const of = (tensor: onnx.ITensorProto) => [tensor.name, tensor.dims?.map(Number), [...(tensor.rawData ?? [])]];
  return { nodes: graph?.node, initializers: (graph?.initializer ?? []).map(of).sort() };
};

describe("a packed model that is unpacked", () => {
  it("is the dense one with zeros again", async () => {
    const { packed, dense } = await packedAndDense(SPEC, MASKING);
    const { found, bytes } = await unpacked(packed);
    expect(found.weights.map(({ weight }) => weight.name)).toEqual(["v", "w"]);
    expect(sorted(bytes)).toEqual(sorted(dense));
  });

  it("is so in nested graphs too", async () => {
    const branch = (name: string): Parameters<typeof ifNode>[2] => ({
      nodes: [node("Cast", [`${name}_w`], [`${name}_y`], { to: 1 })],
      initializers: [float16(`${name}_w`, [COLUMNS, ROWS], series(ROWS * COLUMNS))],
      outputs: [value(`${name}_y`, [COLUMNS, ROWS])],
    });
    const spec: ModelSpec = {
      inputs: [value("c", [1], 9)],
      nodes: [ifNode("c", ["y"], branch("then"), branch("else"))],
      outputs: [value("y", [COLUMNS, ROWS])],
    };
    const { packed, dense } = await packedAndDense(spec, {
      then_w: { pattern: TWO_OF_FOUR },
      else_w: { pattern: HALF },
    });
    const { found, bytes } = await unpacked(packed);
    expect(found.weights).toHaveLength(2);
    expect(sorted(bytes)).toEqual(sorted(dense));

    const model = await openModel(packed);
    const view = viewOf(model, unpackEdits(model, await findPacked(model)));
    expect(await seenIn(view)).toEqual(await seenIn(await openModel(bytes)));
  });

  it("is itself where nothing in it is packed", async () => {
    const { found, bytes } = await unpacked(modelBytes(SPEC));
    expect(found.weights).toEqual([]);
    expect(bytes).toEqual(modelBytes(SPEC));
  });
});

/** Codes of four bits with a zero point for every block. */
const PAIRS = layersOf({ out: 8, in: 64 }).find(({ variant }) => /^of 4 bits.*points packed/.test(variant))
  ?.spec as ModelSpec;

type Graph = onnx.GraphProto;
const initializer = (graph: Graph, name: string) =>
  graph.initializer.find((one) => one.name === `transformers_prune/packed/${name}`) as onnx.ITensorProto;
const nodeOf = (graph: Graph, output: string) =>
  graph.node.find((one) => one.output?.[0] === output) as onnx.INodeProto;

async function tampered(change: (graph: Graph) => unknown): Promise<Uint8Array> {
  return changed((await packedAndDense(SPEC, MASKING)).packed, change);
}

function changed(packed: Uint8Array, change: (graph: Graph) => unknown): Uint8Array {
  const model = onnx.ModelProto.decode(packed);
  change(model.graph as Graph);
  return new Uint8Array(onnx.ModelProto.encode(model).finish());
}

describe("a packed weight that is not as packing writes it", () => {
  it.each<[string, (graph: Graph) => unknown]>([
    ["another operator", (graph) => Object.assign(nodeOf(graph, "v"), { opType: "Squeeze" })],
    ["another table", (graph) => initializer(graph, "ranks").rawData?.fill(3, 4, 5)],
    ["another attribute", (graph) => Object.assign(nodeOf(graph, "w").attribute?.[0] as object, { i: 1 })],
    ["an axis that there is not", (graph) => Object.assign(nodeOf(graph, "w").attribute?.[0] as object, { i: 7 })],
    ["an attribute more", (graph) => nodeOf(graph, "v").attribute?.push({ name: "allowzero", type: 2, i: 1 })],
    ["another domain", (graph) => Object.assign(nodeOf(graph, "v"), { domain: "com.example" })],
    ["another input", (graph) => Object.assign(nodeOf(graph, "v"), { input: ["x", "x"] })],
    ["a huge shape", (graph) => Object.assign(initializer(graph, "v/places"), { dims: [2 ** 40] })],
    ["no mask", (graph) => Object.assign(initializer(graph, "v/places"), { name: "elsewhere" })],
    [
      "a name that speaks of a huge shape",
      (graph) => {
        for (const one of graph.node)
          one.input = one.input?.map((name) => name.replace("_48x64", "_9999999999x9999999999")) ?? [];
      },
    ],
  ])("is left to the runtime: %s", async (_, change) => {
    const model = await openModel(await tampered(change)).catch((error) => error);
    if (model instanceof Error) {
      expect(model).toMatchObject({ code: "bad-model" });
      return;
    }
    const { weights, shared } = await findPacked(model);
    expect(weights.length).toBeLessThan(2);
    expect(shared.nodes.size + shared.constants.size).toBe(0);
  });

  it.each<[string, (graph: Graph) => unknown]>([
    [
      "zeros that do not spread over the elements",
      (graph) => Object.assign(initializer(graph, "codes/zeros"), { dims: [2, 8, 1] }),
    ],
    ["zeros of another type", (graph) => Object.assign(initializer(graph, "codes/zeros"), { dataType: 3 })],
    ["no zeros", (graph) => Object.assign(initializer(graph, "codes/zeros"), { name: "elsewhere" })],
    ["another order of pairs", (graph) => initializer(graph, "join_low-first").rawData?.reverse()],
    ["values of another type", (graph) => Object.assign(initializer(graph, "codes/values"), { dataType: 21 })],
  ])("is left to the runtime, with codes in pairs: %s", async (_, change) => {
    for (const pattern of [HALF, TWO_OF_FOUR]) {
      const bytes = changed((await packedLayer(PAIRS, pattern)).packed, change);
      expect((await findPacked(await openModel(bytes))).weights).toEqual([]);
    }
  });

  it.each<[string, (graph: Graph) => unknown]>([
    ["a mask of another weight", (graph) => initializer(graph, "v/places").rawData?.fill(255)],
    ["places that leave their order", (graph) => initializer(graph, "w/places").rawData?.fill(0)],
  ])("is refused where its bytes cannot be of one weight: %s", async (_, change) => {
    const bytes = await tampered(change);
    await expect(unpacked(bytes)).rejects.toMatchObject({ name: "PruneError", code: "bad-model" });
  });

  it.each([
    ["floats", () => packedAndDense(SPEC, MASKING)],
    ["pairs of codes with many zeros, by a mask", () => packedLayer(PAIRS, HALF)],
    ["pairs of codes with many zeros, by slots", () => packedLayer(PAIRS, TWO_OF_FOUR)],
  ])("is unpacked or refused, whatever byte is wrong: %s", async (_, make) => {
    const { packed } = await make();
    await fc.assert(
      fc.asyncProperty(fc.nat(packed.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const bytes = packed.slice();
        bytes[at] = (bytes[at] as number) ^ change;
        const outcome = await unpacked(bytes).catch((error: unknown) => error);
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(PruneError);
      }),
      { numRuns: 300 },
    );
  });

  it("never changes what the other weights are", async () => {
    const model = await openModel(await tampered((graph) => Object.assign(nodeOf(graph, "v"), { opType: "Squeeze" })));
    const { weights } = await findPacked(model);
    expect(weights.map(({ weight }) => weight.name)).toEqual(["w"]);
    const edits = unpackEdits(model, { weights, shared: { nodes: new Set(), constants: new Set() } });
    const again = await openModel((await serializeModel(model, edits)).bytes);
    const w = again.graph.initializers.find(({ name }) => name === "w");
    expect(w?.dims).toEqual([COLUMNS, ROWS]);
    expect((await readTensor(w as never)).length).toBe(bytesOf(series(ROWS * COLUMNS)).length);
  });
});
