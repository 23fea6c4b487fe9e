import { describe, expect, it } from "vitest";
import { layerIndex, weightKind, weightName } from "../../src/graph/weight-name.js";

describe("weightName", () => {
  it.each([
    ["/model/layers.0/self_attn/q_proj/MatMul", "layers.0.self_attn.q_proj"],
    ["/model/layers.0/attn/q_proj/MatMul", "layers.0.attn.q_proj"],
    ["/transformer/h.0/attn/c_attn/Gemm", "h.0.attn.c_attn"],
    ["p2o.Conv.43_quant", "p2o.Conv.43"],
    ["/encoder/layer.3/attention/self/query/MatMul", "encoder.layer.3.attention.self.query"],
    ["/bert/encoder/layer.3/attention/self/query/MatMul", "encoder.layer.3.attention.self.query"],
    ["/model/encoder/layers.2/fc1/MatMul", "encoder.layers.2.fc1"],
    ["/distilbert/transformer/layer.0/ffn/lin1/MatMul", "layer.0.ffn.lin1"],
    ["/base_model/model/model/layers.0/mlp/up_proj/MatMul", "layers.0.mlp.up_proj"],
    ["/block.1/layer.0/SelfAttention/q/MatMul", "block.1.layer.0.SelfAttention.q"],
    ["/lm_head/MatMul", "lm_head"],
    ["/model/layers.3/mlp/gate_proj/MatMul_Q4", "layers.3.mlp.gate_proj"],
    ["/model/layers.3/mlp/gate_proj/MatMul_quant", "layers.3.mlp.gate_proj"],
    ["/model/layers.3/mlp/gate_proj/MatMul/MatMulAddFusion", "layers.3.mlp.gate_proj"],
    ["/model/layers.1/block_sparse_moe/experts.7/w1/MatMul", "layers.1.block_sparse_moe.experts.7.w1"],
    ["model.layers.0.self_attn.q_proj", "layers.0.self_attn.q_proj"],
  ])("reads node name %s as %s", (node, name) => {
    expect(weightName([node], "onnx::MatMul_732", "MatMul_9")).toBe(name);
  });

  it.each([
    ["MatMul_12", "model.layers.0.mlp.up_proj.weight", "layers.0.mlp.up_proj"],
    ["node_MatMul_33", "model.layers.0.mlp.up_proj.weight", "layers.0.mlp.up_proj"],
    ["node_linear_3", "model.layers.0.mlp.up_proj.weight_transposed", "layers.0.mlp.up_proj"],
    ["", "model.layers.0.attn.q_proj.MatMul.weight", "layers.0.attn.q_proj"],
    ["Gemm_4", "fc1.weight", "fc1"],
    ["MatMul_4", "w1", "w1"],
    ["/model/layers.0/mlp/MatMul_1", "model.layers.0.mlp.w2", "layers.0.mlp.w2"],
    ["node_MatMul_33", "val_12", "MatMul_9"],
    ["MatMul_12", "onnx::MatMul_732_merged_0", "MatMul_9"],
    ["", "1204", "MatMul_9"],
  ])("reads node %s with initializer %s as %s", (node, parameter, name) => {
    expect(weightName([node], parameter, "MatMul_9")).toBe(name);
  });

  it("takes the first use that has a readable name", () => {
    expect(weightName(["MatMul_3", "/model/layers.0/fc1/MatMul"], "1204", "MatMul_9")).toBe("layers.0.fc1");
  });
});

describe("layerIndex", () => {
  it.each([
    ["layers.11.self_attn.q_proj", 11],
    ["h.0.attn.c_attn", 0],
    ["encoder.layer.3.attention.self.query", 3],
    ["decoder.block.5.layer.0.SelfAttention.q", 5],
    ["blocks.2.attn.qkv", 2],
    ["lm_head", null],
    ["experts.4.w1", null],
    ["encoder.layer_norm.3", null],
    ["layers.99999999999999999999.q_proj", null],
  ])("%s lies in block %s", (name, layer) => {
    expect(layerIndex(name)).toBe(layer);
  });
});

describe("weightKind", () => {
  it.each([
    [
      "llama, mistral, qwen, gemma",
      {
        "layers.0.self_attn.q_proj": "q",
        "layers.0.self_attn.k_proj": "k",
        "layers.0.self_attn.v_proj": "v",
        "layers.0.self_attn.o_proj": "o",
        "layers.0.mlp.gate_proj": "gate",
        "layers.0.mlp.up_proj": "up",
        "layers.0.mlp.down_proj": "down",
        lm_head: "other",
      },
    ],
    ["gpt2", { "h.0.attn.c_attn": "other", "h.0.attn.c_proj": "o", "h.0.mlp.c_fc": "fc", "h.0.mlp.c_proj": "fc" }],
    [
      "opt, whisper, bart",
      {
        "decoder.layers.0.self_attn.out_proj": "o",
        "decoder.layers.0.encoder_attn.k_proj": "k",
        "decoder.layers.0.encoder_attn.out_proj": "o",
        "decoder.layers.0.fc1": "fc",
        "decoder.layers.0.fc2": "fc",
      },
    ],
    [
      "bert, vit",
      {
        "encoder.layer.0.attention.self.query": "q",
        "encoder.layer.0.attention.attention.key": "k",
        "encoder.layer.0.attention.self.value": "v",
        "encoder.layer.0.attention.output.dense": "o",
        "encoder.layer.0.intermediate.dense": "fc",
        "encoder.layer.0.output.dense": "fc",
        "pooler.dense": "other",
        "classifier.out_proj": "other",
      },
    ],
    [
      "distilbert",
      {
        "layer.0.attention.q_lin": "q",
        "layer.0.attention.out_lin": "o",
        "layer.0.ffn.lin1": "fc",
        "layer.0.ffn.lin2": "fc",
      },
    ],
    [
      "t5 with a gate",
      {
        "block.0.layer.0.SelfAttention.q": "q",
        "block.0.layer.1.EncDecAttention.v": "v",
        "block.0.layer.0.SelfAttention.o": "o",
        "block.0.layer.1.DenseReluDense.wi_0": "gate",
        "block.0.layer.1.DenseReluDense.wi_1": "up",
        "block.0.layer.1.DenseReluDense.wo": "down",
      },
    ],
    ["t5 without", { "block.0.layer.1.DenseReluDense.wi": "fc", "block.0.layer.1.DenseReluDense.wo": "fc" }],
    [
      "falcon, bloom, gpt-neox",
      {
        "h.0.self_attention.query_key_value": "other",
        "h.0.self_attention.dense": "o",
        "layers.0.attention.dense": "o",
        "h.0.mlp.dense_h_to_4h": "fc",
        "h.0.mlp.dense_4h_to_h": "fc",
      },
    ],
    ["phi", { "layers.0.self_attn.dense": "o", "layers.0.mlp.fc1": "fc", "layers.0.mlp.gate_up_proj": "other" }],
    ["mixtral", { "layers.0.experts.1.w1": "gate", "layers.0.experts.1.w2": "down", "layers.0.experts.1.w3": "up" }],
    ["a plain block of w1 and w2", { "layers.0.ff.w1": "fc", "layers.0.ff.w2": "fc" }],
    [
      "timm",
      {
        "blocks.0.attn.qkv": "other",
        "blocks.0.attn.proj": "o",
        "blocks.0.mlp.fc1": "fc",
        "patch_embed.proj": "other",
      },
    ],
  ])("knows the words of %s", (_, kinds) => {
    const names = new Set(Object.keys(kinds));
    expect(Object.fromEntries([...names].map((name) => [name, weightKind(name, names)]))).toEqual(kinds);
  });
});
