/** Shorthands of this room's tests: linked models from specs, weights of zeros, and models without bytes. */
import type { onnx } from "onnx-proto";
import { buildModel, type Graph, type Model, type Value } from "../../src/graph/index.js";
import { type OnnxModel, type OnnxNode, openModel } from "../../src/onnx/index.js";
import { float32, type ModelSpec, modelBytes, value } from "../helpers/model.js";

/** Writes the spec, opens the bytes and links the graph. */
export async function modelOf(spec: ModelSpec): Promise<Model> {
  return buildModel(await openModel(modelBytes(spec)));
}

/** A float32 initializer of zeros. */
export function zeros(name: string, ...dims: readonly number[]): onnx.ITensorProto {
  return float32(name, dims, new Float32Array(dims.reduce((product, dim) => product * dim, 1)));
}

/** A model with float input `x` [tokens, 8] and output `y`, whatever lies between. */
export function layerSpec(nodes: readonly onnx.INodeProto[], ...initializers: readonly onnx.ITensorProto[]): ModelSpec {
  return { inputs: [value("x", ["tokens", 8])], nodes, initializers, outputs: [value("y", [null, null])] };
}

/** A value of the main graph that the test knows is there. */
export function valueNamed(graph: Graph, name: string): Value {
  const found = graph.values.get(name);
  if (!found) throw new Error(`no value "${name}"`);
  return found;
}

// --- models without bytes: for sizes that would test the encoder, and for what onnx-proto cannot write ---

export function onnxNode(opType: string, inputs: readonly string[], outputs: readonly string[]): OnnxNode {
  return { name: "", opType, domain: "", inputs, outputs, attributes: [] };
}

/** A model as the reader would give it; what is not told is empty. */
export function onnxModel(spec: {
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly sparseInitializers?: readonly string[];
  readonly functionCount?: number;
}): OnnxModel {
  const info = (name: string) => ({ name, elemType: 1, shape: null });
  return {
    name: "made by hand",
    irVersion: 8,
    opsetImports: [],
    producer: "test",
    metadata: [],
    functionCount: spec.functionCount ?? 0,
    graph: {
      name: "graph",
      nodes: spec.nodes,
      initializers: [],
      sparseInitializers: spec.sparseInitializers ?? [],
      inputs: spec.inputs.map(info),
      outputs: spec.outputs.map(info),
      valueInfo: [],
    },
    source: { name: "none", size: 0, read: () => Promise.reject(new Error("no bytes")), close: async () => {} },
    externalSources: new Map(),
    topologyBytes: 0,
    close: async () => {},
  };
}
