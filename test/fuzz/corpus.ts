/**
 * The models that are mutated: one for each layout and layer form, a few kB each, so that thousands
 * of mutants take seconds; and the fixtures of the repository.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  bfloat16,
  constant,
  DATA_TYPE,
  external,
  float16,
  float32,
  ifNode,
  int32,
  int64,
  type ModelSpec,
  modelBytes,
  node,
  uint8,
  value,
} from "../helpers/model.js";
import { randomNumbers } from "../helpers/quantised.js";
import { concat, delimited, scalar, sprinkle } from "../onnx/wire-bytes.js";
import { LAYERS, layersOf } from "../prune/one-layer.js";
import { languageModel } from "../prune/tiny.js";
import { HALF, packedLayer, TWO_OF_FOUR } from "../rewrite/packed/packed-model.js";
import { encode, type Field, parse } from "./wire-tree.js";

/** A model as a folder holds it. */
export interface ModelFolder {
  readonly name: string;
  /** The .onnx. */
  readonly model: Uint8Array;
  /** Files with external data by location. */
  readonly data: ReadonlyMap<string, Uint8Array>;
}

const series = (count: number) => Float32Array.from({ length: count }, (_, k) => Math.sin(k * 1.7) + 0.3);

const [IN, OUT] = [24, 16];
const WEIGHT = float32("w", [IN, OUT], series(IN * OUT));
const layer = (name: string, from: string, weight: string, to: string) =>
  node("MatMul", [from, weight], [to], {}, { name: `/model/layers.0/${name}/MatMul` });
const ends = { inputs: [value("x", ["n", IN])], outputs: [value("y", ["n", OUT])] };
const oneLayer: ModelSpec = { ...ends, nodes: [layer("fc1", "x", "w", "y")], initializers: [WEIGHT] };

const float = (name: string, initializer: ModelSpec["initializers"]): [string, ModelSpec] => [
  name,
  { ...oneLayer, initializers: initializer ?? [] },
];

/** Two layers in the branches of an If, one around it. */
const branches: ModelSpec = {
  ...ends,
  inputs: [...(ends.inputs ?? []), value("cond", [], 9)],
  nodes: [
    ifNode(
      "cond",
      ["y"],
      { nodes: [layer("then", "x", "w", "a")], outputs: [value("a", ["n", OUT])] },
      {
        nodes: [layer("else", "x", "v", "b")],
        initializers: [{ ...WEIGHT, name: "v" }],
        outputs: [value("b", ["n", OUT])],
      },
    ),
  ],
  initializers: [WEIGHT],
};

const loop: ModelSpec = {
  ...ends,
  nodes: [
    node("Loop", ["count", "", "x"], ["y"], {
      body: {
        graph: {
          name: "body",
          inputs: [value("i", [], DATA_TYPE.int64), value("go", [], 9), value("state", ["n", IN])],
          nodes: [node("Identity", ["go"], ["again"]), layer("loop", "state", "w", "next")],
          outputs: [value("again", [], 9), value("next", ["n", OUT])],
        },
      },
    }),
  ],
  initializers: [int64("count", [], [2]), WEIGHT],
};

/** The head reads the embedding transposed; another layer reads its weight twice. */
const tied: ModelSpec = {
  inputs: [value("ids", ["n"], DATA_TYPE.int64)],
  nodes: [
    node("Gather", ["embeddings", "ids"], ["e"]),
    layer("fc1", "e", "square", "u"),
    layer("fc2", "u", "square", "h"),
    node("Transpose", ["embeddings"], ["t"], { perm: [1, 0] }),
    layer("lm_head", "h", "t", "y"),
  ],
  initializers: [float32("embeddings", [20, 16], series(320)), float32("square", [16, 16], series(256))],
  outputs: [value("y", ["n", 20])],
};

const quantisedEmbedding: ModelSpec = {
  inputs: [value("ids", ["n"], DATA_TYPE.int64)],
  nodes: [
    node(
      "GatherBlockQuantized",
      ["codes", "ids", "scales"],
      ["e"],
      { block_size: 32, bits: 4 },
      { domain: "com.microsoft" },
    ),
    node(
      "MatMulNBits",
      ["e", "codes", "scales"],
      ["y"],
      { K: 64, N: 10, bits: 4, block_size: 32 },
      { domain: "com.microsoft", name: "/lm_head/MatMul_Q4" },
    ),
  ],
  initializers: [
    uint8(
      "codes",
      [10, 2, 16],
      Uint8Array.from({ length: 320 }, (_, k) => k * 7),
    ),
    float32("scales", [10, 2], series(20)),
  ],
  outputs: [value("y", ["n", 10])],
  domains: { "com.microsoft": 1 },
};

const convolutions: ModelSpec = {
  inputs: [value("x", [1, 3, 8, 8])],
  nodes: [
    node("Conv", ["x", "stem"], ["a"], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
    node("Conv", ["a", "point"], ["b"], {}, { name: "/layers.1/conv/Conv" }),
    node("Conv", ["b", "depth"], ["y"], { group: 8, kernel_shape: [3, 3], auto_pad: "SAME_UPPER" }),
  ],
  initializers: [
    float32("stem", [8, 3, 3, 3], series(216)),
    float32("point", [8, 8, 1, 1], series(64)),
    float32("depth", [8, 1, 3, 3], series(72)),
  ],
  outputs: [value("y", [null])],
};

const gemms: ModelSpec = {
  inputs: [value("x", ["n", IN])],
  nodes: [
    node("Gemm", ["x", "c_fc", "bias"], ["a"], { transB: 0, alpha: { float: 1 } }, { name: "/h.0/mlp/c_fc/Gemm" }),
    node("Gemm", ["a", "c_proj"], ["y"], { transB: 1 }, { name: "/h.0/mlp/c_proj/Gemm" }),
  ],
  initializers: [
    float32("c_fc", [IN, OUT], series(IN * OUT)),
    float32("bias", [OUT], series(OUT)),
    float32("c_proj", [IN, OUT], series(IN * OUT)),
  ],
  outputs: [value("y", ["n", IN])],
};

/** Weights in operators that are only named, and one that is computed. */
const refused: ModelSpec = {
  ...oneLayer,
  nodes: [
    ...(oneLayer.nodes ?? []),
    node("LSTM", ["x", "w3", "r3"], ["l"], { hidden_size: 4 }),
    node("Einsum", ["x", "w"], ["ein"], { equation: "ij,jk->ik" }),
    node("Reshape", ["r3", "shape"], ["computed"]),
    node("MatMul", ["x", "computed"], ["m"]),
    node("Cast", ["half"], ["single"], { to: 1 }),
    node("MatMul", ["x", "single"], ["c"]),
  ],
  initializers: [
    WEIGHT,
    float32("w3", [1, 16, IN], series(16 * IN)),
    float32("r3", [1, 16, 4], series(64)),
    int64("shape", [2], [IN, -1]),
    float16("half", [IN, 4], series(IN * 4)),
  ],
};

const SPECS: readonly (readonly [string, ModelSpec])[] = [
  ["language model", languageModel()],
  float("float32 in a typed list", [float32("w", [IN, OUT], series(IN * OUT), "typed")]),
  float("float16", [float16("w", [IN, OUT], series(IN * OUT))]),
  float("float16 in int32_data", [float16("w", [IN, OUT], series(IN * OUT), "typed")]),
  float("bfloat16", [bfloat16("w", [IN, OUT], series(IN * OUT))]),
  [
    "Constant nodes",
    { ...ends, nodes: [constant(WEIGHT), layer("fc1", "x", "w", "y"), constant(int32("k", [2], [1, 2]))] },
  ],
  ["branches of an If", branches],
  ["body of a Loop", loop],
  ["ties", tied],
  ["quantised embedding that is tied", quantisedEmbedding],
  ["Conv", convolutions],
  ["Gemm", gemms],
  ["refused weights", refused],
  ["metadata", { ...oneLayer, metadata: { author: "test", constructor: "x" } }],
  ...LAYERS.map(({ form, variant, spec }) => [`${form} ${variant}`, spec] as const),
];

/** A spec with its initializers in files, one behind the other; `overlapping`: each begins within the one before. */
function outside(name: string, spec: ModelSpec, fileOf: (index: number) => string, overlapping = false): ModelFolder {
  const data = new Map<string, Uint8Array>();
  const initializers = (spec.initializers ?? []).map((tensor, index) => {
    const bytes = tensor.rawData as Uint8Array;
    const before = data.get(fileOf(index)) ?? new Uint8Array(0);
    const offset = overlapping ? Math.floor(before.length / 2) : before.length;
    const after = new Uint8Array(Math.max(before.length, offset + bytes.length));
    after.set(bytes, offset);
    after.set(before);
    data.set(fileOf(index), after);
    return external(tensor, fileOf(index), offset, bytes.length);
  });
  return { name, model: modelBytes({ ...spec, initializers }), data };
}

const inMemory = (name: string, model: Uint8Array): ModelFolder => ({ name, model, data: new Map() });

/** What onnx-proto does not write, by hand. */
function byHand(): ModelFolder[] {
  const tensor = (name: string) =>
    concat(scalar(1, 2), scalar(2, 1), delimited(8, name), delimited(9, new Uint8Array(8)));
  const sparse = concat(delimited(1, tensor("s")), delimited(2, tensor("")), scalar(3, 4));
  const readsSparse = modelBytes({ ...oneLayer, nodes: [layer("fc1", "x", "s", "y")] });
  const value = concat(delimited(1, "value"), delimited(5, tensor("c")), scalar(20, 4));
  const inner = concat(delimited(1, "a"), delimited(2, "b"), delimited(4, "MatMul"), delimited(5, value));
  const local = concat(delimited(1, "f"), delimited(4, "a"), delimited(5, "b"), delimited(7, inner));
  const training = delimited(1, delimited(5, tensor("t")));
  const random = randomNumbers(5);
  const unknown = () => (random() < 0.3 ? concat(scalar(90, 7), delimited(91, "unknown")) : new Uint8Array(0));
  return [
    inMemory(
      "sparse initializer",
      withInGraph(readsSparse, { number: 15, wireType: 2, value: parse(sparse, "Sparse") }),
    ),
    inMemory(
      "functions and training info",
      concat(modelBytes(oneLayer), delimited(25, local), delimited(20, training)),
    ),
    inMemory("unknown fields", sprinkle(modelBytes(oneLayer), unknown)),
  ];
}

/** A model with one more field at the end of its graph. */
function withInGraph(model: Uint8Array, field: Field): Uint8Array {
  const fields = parse(model, "Model");
  const graph = fields.find(({ number }) => number === 7)?.value;
  if (Array.isArray(graph)) graph.push(field);
  return encode(fields);
}

const [nBits] = LAYERS;

/** Layouts of codes that are packed in different ways. */
const PACKED_LAYERS = layersOf({ out: 16, in: 64 }).filter(({ form, variant }) =>
  [
    "MatMulNBits of 4 bits in blocks of 32, zero points none, scales 2-D",
    "MatMulNBits of 4 bits in blocks of 32, zero points packed, scales 2-D",
    "MatMulNBits of 8 bits in blocks of 32, zero points packed, scales 2-D",
    "MatMulInteger of int8 by tensor",
    "MatMulBnb4 of nf4 in blocks of 64",
    "MatMul behind DequantizeLinear of int4 in-out, axis null, zeros",
  ].includes(`${form} ${variant}`),
);

/** Weights that are packed already; their names begin so. */
export const PACKED = "packed ";

async function packedModels(): Promise<ModelFolder[]> {
  const specs = [["float32", oneLayer] as const, ...PACKED_LAYERS.map(({ variant, spec }) => [variant, spec] as const)];
  const models: ModelFolder[] = [];
  for (const pattern of [HALF, TWO_OF_FOUR])
    for (const [name, spec] of specs)
      models.push(inMemory(`${PACKED}${name}, ${pattern.kind}`, (await packedLayer(spec, pattern)).packed));
  return models;
}

/** Small models, one for each layout and layer form. */
export const smallCorpus = async (): Promise<readonly ModelFolder[]> => [
  ...(await packedModels()),
  ...SPECS.map(([name, spec]) => inMemory(name, modelBytes(spec))),
  outside("external data in one file", languageModel(), () => "model.onnx_data"),
  outside("external data in several files", languageModel(2), (index) => `part ${index % 3}.bin`),
  outside("overlapping external data", languageModel(3), () => "model.onnx_data", true),
  outside("external codes", nBits?.spec ?? languageModel(), (index) => `./weights/${index}`),
  ...byHand(),
];

/** The fixtures of the repository: real exports, up to 6 MB. */
export function fixtures(root: string): readonly ModelFolder[] {
  const folder = join(root, "test", "fixtures");
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".onnx"))
    .sort()
    .map((path) => inMemory(path, new Uint8Array(readFileSync(join(folder, path)))));
}
