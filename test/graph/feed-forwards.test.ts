import type { onnx } from "onnx-proto";
import { describe, expect, it } from "vitest";
import { buildModel, findFeedForwards, findTargets } from "../../src/graph/index.js";
import { openModel } from "../../src/onnx/index.js";
import { float, float16, float32, type GraphSpec, node, value } from "../helpers/model.js";
import { modelOf, zeros } from "./model-of.js";

const MS = { domain: "com.microsoft" };
const number = (name: string, of: number) => float32(name, [], [of]);
const NUMBERS = [
  ...[number("half", 0.5), number("one", 1), number("three", 3), number("root2", Math.SQRT2)],
  ...[number("inverse_root2", Math.SQRT1_2), number("cubic", 0.044715), number("tanh_scale", Math.sqrt(2 / Math.PI))],
  ...[number("quick", 1.702), float16("rounded_root2", [], [Math.SQRT2])],
];

/** Nodes from "g" to "a": activations as exporters write them. */
const ERF = (last: readonly onnx.INodeProto[], scaled = node("Div", ["g", "root2"], ["s"])) => [
  scaled,
  node("Erf", ["s"], ["e"]),
  node("Add", ["e", "one"], ["e1"]),
  ...last,
];
const TANH = (cubed: readonly onnx.INodeProto[]) => [
  ...cubed,
  node("Mul", ["g3", "cubic"], ["c"]),
  node("Add", ["g", "c"], ["sum"]),
  node("Mul", ["tanh_scale", "sum"], ["t"]),
  node("Tanh", ["t"], ["th"]),
  node("Add", ["one", "th"], ["th1"]),
  node("Mul", ["g", "half"], ["gh"]),
  node("Mul", ["gh", "th1"], ["a"]),
];
const half = [node("Mul", ["g", "e1"], ["ge"]), node("Mul", ["ge", "half"], ["a"])];

const WAYS: readonly (readonly [way: string, activation: string, nodes: readonly onnx.INodeProto[]])[] = [
  ["Relu", "relu", [node("Relu", ["g"], ["a"])]],
  ["x · Sigmoid(x)", "silu", [node("Sigmoid", ["g"], ["s"]), node("Mul", ["g", "s"], ["a"])]],
  ["Sigmoid(x) · x", "silu", [node("Sigmoid", ["g"], ["s"]), node("Mul", ["s", "g"], ["a"])]],
  ["QuickGelu with alpha 1", "silu", [node("QuickGelu", ["g"], ["a"], { alpha: float(1) }, MS)]],
  ["Swish", "silu", [node("Swish", ["g"], ["a"])]],
  ["Erf, half last", "gelu", ERF(half)],
  [
    "Erf, half first",
    "gelu",
    ERF(
      [node("Mul", ["g", "half"], ["gh"]), node("Mul", ["e1", "gh"], ["a"])],
      node("Mul", ["inverse_root2", "g"], ["s"]),
    ),
  ],
  [
    "Erf, half on the inner side, through Cast, Identity and a constant in half floats",
    "gelu",
    [
      node("Cast", ["rounded_root2"], ["rounded"], { to: 1 }),
      ...ERF(
        [
          node("Mul", ["half", "e1"], ["eh"]),
          node("Mul", ["eh", "g"], ["m"]),
          node("Cast", ["m"], ["m16"], { to: 10 }),
          node("Cast", ["m16"], ["m32"], { to: 1 }),
          node("Identity", ["m32"], ["a"]),
        ],
        node("Div", ["g", "rounded"], ["s"]),
      ),
    ],
  ],
  ["Gelu", "gelu", [node("Gelu", ["g"], ["a"])]],
  ["ONNX Runtime's Gelu", "gelu", [node("Gelu", ["g"], ["a"], {}, MS)]],
  ["Gelu by tanh", "gelu-tanh", [node("Gelu", ["g"], ["a"], { approximate: "tanh" })]],
  ["FastGelu", "gelu-tanh", [node("FastGelu", ["g"], ["a"], {}, MS)]],
  ["tanh with Pow", "gelu-tanh", TANH([node("Pow", ["g", "three"], ["g3"])])],
  ["tanh with products", "gelu-tanh", TANH([node("Mul", ["g", "g"], ["g2"]), node("Mul", ["g", "g2"], ["g3"])])],
];

const ENDS = { inputs: [value("x", ["tokens", 4])], outputs: [value("y", ["tokens", 4])] };
const linear = (name: string, input: string, output: string) =>
  node("MatMul", [input, `${name}.weight`], [output], {}, { name: `/mlp/${name}/MatMul` });
const WEIGHTS = [zeros("gate.weight", 4, 8), zeros("up.weight", 4, 8), zeros("down.weight", 8, 4)];
const domains = { "com.microsoft": 1 };

async function found(nodes: NonNullable<GraphSpec["nodes"]>, ...more: readonly onnx.ITensorProto[]) {
  const model = await modelOf({ ...ENDS, nodes, initializers: [...WEIGHTS, ...NUMBERS, ...more], domains, opset: 20 });
  return findFeedForwards(model, findTargets(model).targets);
}

/** What tests compare, with names in the place of objects. */
const shown = ({ feedForwards, refused }: Awaited<ReturnType<typeof findFeedForwards>>) => ({
  blocks: feedForwards.map(({ gate, up, down, activation, inputs, biases }) => ({
    layers: [gate?.name ?? null, up.name, down.name],
    activation,
    inputs: inputs.map(({ name }) => name),
    biases: [biases.gate, biases.up, biases.down].map((bias) => bias?.tensor.name ?? null),
  })),
  refused: refused.map(({ down, reason }) => `${down.name}: ${reason}`),
});

describe("a gated feed-forward block", () => {
  it.each(WAYS)("is recognised by what its activation computes: %s", async (_, activation, nodes) => {
    for (const product of [node("Mul", ["a", "u"], ["p"]), node("Mul", ["u", "a"], ["p"])]) {
      const block = await found([
        linear("gate", "x", "g"),
        linear("up", "x", "u"),
        ...nodes,
        product,
        linear("down", "p", "y"),
      ]);
      expect(shown(block)).toEqual({
        blocks: [{ layers: ["mlp.gate", "mlp.up", "mlp.down"], activation, inputs: ["x"], biases: [null, null, null] }],
        refused: [],
      });
    }
  });

  const silu = [node("Sigmoid", ["g"], ["s"]), node("Mul", ["g", "s"], ["a"]), node("Mul", ["a", "u"], ["p"])];

  it("has the biases of its layers, wherever they are added", async () => {
    const block = await found(
      [
        node("Gemm", ["x", "gate.weight", "gate.bias"], ["g"], {}, { name: "/mlp/gate/Gemm" }),
        linear("up", "x", "v"),
        node("Add", ["up.bias", "v"], ["u"]),
        ...silu,
        linear("down", "p", "y"),
      ],
      zeros("gate.bias", 8),
      zeros("up.bias", 8),
    );
    expect(shown(block).blocks[0]?.biases).toEqual(["gate.bias", "up.bias", null]);
  });

  it.each<[string, readonly onnx.INodeProto[], string]>([
    [
      "whose layers read different inputs",
      [node("Neg", ["x"], ["n"]), linear("gate", "n", "g"), linear("up", "x", "u"), ...silu, linear("down", "p", "y")],
      'weights "mlp.up" and "mlp.gate" before it read different inputs',
    ],
    [
      "without an activation",
      [linear("gate", "x", "g"), linear("up", "x", "u"), node("Mul", ["g", "u"], ["p"]), linear("down", "p", "y")],
      "none of silu, gelu, gelu-tanh and relu",
    ],
    [
      "of which something else reads a part",
      [
        ...[linear("gate", "x", "g"), linear("up", "x", "u"), ...silu, linear("down", "p", "d")],
        ...[node("ReduceMean", ["a"], ["m"], { keepdims: 0 }), node("Add", ["d", "m"], ["y"])],
      ],
      'ReduceMean node "ReduceMean_m" reads what lies between its layers as well',
    ],
    [
      "of which gate and up are one weight",
      [
        node("MatMul", ["x", "both"], ["gu"], {}, { name: "/mlp/gate_up/MatMul" }),
        node("Split", ["gu"], ["g", "u"], { axis: -1, num_outputs: 2 }),
        ...[...silu, linear("down", "p", "y")],
      ],
      'weight "mlp.gate_up" before it holds gate and up in one',
    ],
  ])("%s is refused with the reason", async (_, nodes, reason) => {
    const { feedForwards, refused } = await found(nodes, zeros("both", 4, 16));
    expect(feedForwards).toEqual([]);
    expect(refused.map((one) => one.reason)).toEqual([expect.stringContaining(reason)]);
  });
});

describe("a plain feed-forward block", () => {
  it.each(WAYS)("is recognised by what its activation computes: %s", async (_, activation, nodes) => {
    const block = await found(
      [linear("gate", "x", "h"), node("Add", ["h", "bias"], ["g"]), ...nodes, linear("down", "a", "y")],
      zeros("bias", 8),
    );
    expect(shown(block)).toEqual({
      blocks: [{ layers: [null, "mlp.gate", "mlp.down"], activation, inputs: ["x"], biases: [null, "bias", null] }],
      refused: [],
    });
  });

  it.each(["BiasGelu", "FastGelu"])("may have its bias in %s", async (opType) => {
    const block = await found(
      [linear("gate", "x", "g"), node(opType, ["g", "bias"], ["a"], {}, MS), linear("down", "a", "y")],
      zeros("bias", 8),
    );
    expect(shown(block).blocks).toMatchObject([{ biases: [null, "bias", null] }]);
  });

  it("with another activation is refused: that of CLIP", async () => {
    const nodes = [node("Mul", ["g", "quick"], ["q"]), node("Sigmoid", ["q"], ["s"]), node("Mul", ["g", "s"], ["a"])];
    const block = await found([linear("gate", "x", "g"), ...nodes, linear("down", "a", "y")]);
    expect(shown(block).refused).toEqual([expect.stringContaining("none of silu")]);
  });

  it("is none where a layer reads another as it is, or what attention makes of it", async () => {
    const nothing = { blocks: [], refused: [] };
    expect(shown(await found([linear("gate", "x", "g"), linear("down", "g", "y")]))).toEqual(nothing);
    expect(
      shown(await found([linear("gate", "x", "g"), node("Softmax", ["g"], ["a"]), linear("down", "a", "y")])),
    ).toEqual(nothing);
  });
});

describe("feed-forward blocks of exported models", () => {
  it.each([
    ["austen-gpt2/onnx/model.onnx", "gelu-tanh", 1],
    ["tiny-bert/onnx/model.onnx", "gelu", 1],
    ["tiny-vit/onnx/model.onnx", "gelu", 1],
    ["tiny-whisper/onnx/encoder_model_quantized.onnx", "gelu", 1],
    ["tiny-whisper/onnx/decoder_model_merged_quantized.onnx", "gelu", 2],
    ["tiny-t5/onnx/encoder_model.onnx", "relu", 1],
    ["tiny-t5/onnx/decoder_model_merged.onnx", "relu", 2],
    ["tiny-llava/onnx/decoder_model_merged_fp16.onnx", "silu", 1],
  ])("are one for each block: %s", async (file, activation, inputs) => {
    const onnx = await openModel(`test/fixtures/${file}`);
    const model = buildModel(onnx);
    const { targets } = findTargets(model);
    const { feedForwards, refused } = await findFeedForwards(model, targets);
    expect(refused).toEqual([]);
    const blocks = new Set(targets.flatMap(({ layer }) => (layer === null ? [] : [layer])));
    expect(feedForwards.map(({ down }) => down.layer)).toEqual([...blocks].sort());
    for (const block of feedForwards) {
      expect(block.activation).toBe(activation);
      expect(block.inputs).toHaveLength(inputs);
      expect(block.gate === null).toBe(activation !== "silu");
    }
    await onnx.close();
  });
});
