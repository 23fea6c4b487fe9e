import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { blockOutputs, buildModel, findTargets } from "../../src/graph/index.js";
import { openModel } from "../../src/onnx/index.js";
import { float32, ifNode, type ModelSpec, node, value } from "../helpers/model.js";
import { modelOf, zeros } from "./model-of.js";

const C = 8;

const linear = (layer: number, name: string, from: string, to: string) =>
  node("MatMul", [from, `w${layer}.${name}`], [to], {}, { name: `/model/layers.${layer}/mlp/${name}/MatMul` });

/** Blocks x → norm (x² + epsilon, as in RMSNorm) → up → down → + x, one after the other, then a head. */
function blocks(count: number, change: (spec: ModelSpec) => ModelSpec = (spec) => spec): ModelSpec {
  const layers = Array.from({ length: count }, (_, layer) => layer);
  return change({
    inputs: [value("h0", ["tokens", C])],
    nodes: [
      ...layers.flatMap((layer) => [
        node("Mul", [`h${layer}`, `h${layer}`], [`squares${layer}`]),
        node("Add", [`squares${layer}`, "epsilon"], [`norm${layer}`]),
        linear(layer, "up_proj", `norm${layer}`, `up${layer}`),
        node("Add", [`up${layer}`, "bias"], [`biased${layer}`]),
        linear(layer, "down_proj", `biased${layer}`, `down${layer}`),
        node("Add", [`h${layer}`, `down${layer}`], [`h${layer + 1}`]),
      ]),
      node("Add", [`h${count}`, "bias"], ["scaled"]),
      node("MatMul", ["scaled", "head"], ["logits"], {}, { name: "/lm_head/MatMul" }),
    ],
    initializers: [
      ...layers.flatMap((layer) => [zeros(`w${layer}.up_proj`, C, C), zeros(`w${layer}.down_proj`, C, C)]),
      zeros("head", C, C),
      zeros("bias", C),
      float32("epsilon", [1], [1e-5]),
    ],
    outputs: [value("logits", ["tokens", C])],
  });
}

async function namesOf(spec: ModelSpec): Promise<[number, string][]> {
  const model = await modelOf(spec);
  return [...blockOutputs(model, findTargets(model).targets)].map(([layer, { state }]) => [layer, state.name]);
}

describe("the outputs of blocks", () => {
  it.each([
    ["models/austen-1.4m/onnx/model", 6, (i: number) => `/model/layers.${i}/Add_1_output_0`],
    ["test/fixtures/austen-gpt2/onnx/model", 6, (i: number) => `/transformer/h.${i}/Add_1_output_0`],
    ["test/fixtures/tiny-bert/onnx/model", 2, (i: number) => `/encoder/layer.${i}/output/Add_output_0`],
    ["test/fixtures/tiny-vit/onnx/model", 2, (i: number) => `/encoder/layer.${i}/output/Add_output_0`],
    ["test/fixtures/tiny-t5/onnx/encoder_model", 2, (i: number) => `/block.${i}/layer.1/Add_output_0`],
  ])("are the last residual connections of each block in %s", async (file, count, name) => {
    const onnx = await openModel(`${resolve(import.meta.dirname, "../..", file)}.onnx`);
    const model = buildModel(onnx);
    const found = [...blockOutputs(model, findTargets(model).targets)];
    await onnx.close();
    expect(found.map(([layer, { state }]) => [layer, state.name])).toEqual(
      Array.from({ length: count }, (_, layer) => [layer, name(layer)]),
    );
  });

  it("are no biases and no epsilons, nor what the head adds", async () => {
    expect(await namesOf(blocks(3))).toEqual([
      [0, "h1"],
      [1, "h2"],
      [2, "h3"],
    ]);
  });

  it("are not mistaken for a constant that is computed, such as an epsilon that is cast", async () => {
    const cast = (spec: ModelSpec): ModelSpec => ({
      ...spec,
      nodes: [
        node("Cast", ["stored"], ["epsilon"], { to: 1 }),
        node("Mul", ["epsilon", "epsilon"], ["smaller"]),
        ...(spec.nodes ?? []),
        node("Add", ["logits", "smaller"], ["more"]),
      ],
      initializers: [
        ...(spec.initializers ?? []).filter(({ name }) => name !== "epsilon"),
        float32("stored", [1], [1]),
      ],
      outputs: [value("more", ["tokens", C])],
    });
    expect(await namesOf(blocks(2, cast))).toEqual([
      [0, "h1"],
      [1, "h2"],
    ]);
  });

  it("are found where the residual and the norm after it are one operator", async () => {
    const fused = (spec: ModelSpec): ModelSpec => ({
      ...spec,
      nodes: (spec.nodes ?? []).map((one) =>
        one.output?.[0] === "h1"
          ? node("SkipSimplifiedLayerNormalization", ["h0", "down0", "bias"], ["h1"], {}, { domain: "com.microsoft" })
          : one,
      ),
      domains: { "com.microsoft": 1 },
    });
    expect(await namesOf(blocks(2, fused))).toEqual([
      [0, "h1"],
      [1, "h2"],
    ]);
  });

  it("are none where a block ends in no residual connection, or lies in a nested graph", async () => {
    const plain = (spec: ModelSpec): ModelSpec => ({
      ...spec,
      nodes: (spec.nodes ?? []).map((one) => (one.output?.[0] === "h1" ? node("Relu", ["down0"], ["h1"]) : one)),
    });
    expect(await namesOf(blocks(2, plain))).toEqual([[1, "h2"]]);
    const nested: ModelSpec = {
      inputs: [value("h0", ["tokens", C]), value("first", [], 9)],
      nodes: [
        ifNode(
          "first",
          ["y"],
          {
            nodes: [linear(0, "up_proj", "h0", "up"), node("Add", ["h0", "up"], ["a"])],
            outputs: [value("a", ["tokens", C])],
          },
          { nodes: [node("Identity", ["h0"], ["b"])], outputs: [value("b", ["tokens", C])] },
        ),
      ],
      initializers: [zeros("w0.up_proj", C, C)],
      outputs: [value("y", ["tokens", C])],
    };
    expect(await namesOf(nested)).toEqual([]);
  });
});
