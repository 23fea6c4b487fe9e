/**
 * A Llama of any size with seeded random weights, in the layout of onnxruntime-genai's builder: grouped-query
 * attention with a rotary cache, gated feed-forward blocks, a head of its own. Tensors are described apart from
 * their values, so that a model larger than memory can be written one tensor at a time.
 */
import { encodeNode, encodeTensorHead, encodeValueInfo, fieldOf } from "../../src/onnx/encode.js";
import type { NewNode, NewValueInfo, OnnxModel, OnnxTensor, TensorEdit } from "../../src/onnx/index.js";
import { GRAPH, MODEL, OPSET, TENSOR } from "../../src/onnx/schema.js";

export interface LlamaConfig {
  readonly hidden: number;
  readonly intermediate: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly vocabulary: number;
  /** Longest sequence. */
  readonly positions: number;
  readonly dtype: "float32" | "float16";
}

/** A tensor of the model, without its values. */
interface LlamaTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly kind: "weight" | "norm" | "cos" | "sin";
}

const BYTES = { float32: 4, float16: 2 } as const;

const byteLength = ({ dims }: LlamaTensor, { dtype }: LlamaConfig): number =>
  BYTES[dtype] * dims.reduce((a, b) => a * b, 1);

/** All initializers, in the order of their use. */
function llamaTensors(config: LlamaConfig): LlamaTensor[] {
  const { hidden, intermediate, layers, heads, kvHeads, vocabulary, positions } = config;
  const headSize = hidden / heads;
  const weight = (name: string, dims: readonly number[]): LlamaTensor => ({ name, dims, kind: "weight" });
  const norm = (name: string): LlamaTensor => ({ name, dims: [hidden], kind: "norm" });
  const layer = (l: number): LlamaTensor[] => {
    const of = (part: string) => `model.layers.${l}.${part}`;
    return [
      norm(of("input_layernorm.weight")),
      weight(of("attn.q_proj.MatMul.weight"), [hidden, hidden]),
      weight(of("attn.k_proj.MatMul.weight"), [hidden, kvHeads * headSize]),
      weight(of("attn.v_proj.MatMul.weight"), [hidden, kvHeads * headSize]),
      weight(of("attn.o_proj.MatMul.weight"), [hidden, hidden]),
      norm(of("post_attention_layernorm.weight")),
      weight(of("mlp.gate_proj.MatMul.weight"), [hidden, intermediate]),
      weight(of("mlp.up_proj.MatMul.weight"), [hidden, intermediate]),
      weight(of("mlp.down_proj.MatMul.weight"), [intermediate, hidden]),
    ];
  };
  return [
    weight("model.embed_tokens.weight", [vocabulary, hidden]),
    { name: "cos_cache", dims: [positions, headSize / 2], kind: "cos" },
    { name: "sin_cache", dims: [positions, headSize / 2], kind: "sin" },
    ...Array.from({ length: layers }, (_, l) => layer(l)).flat(),
    norm(`model.layers.${layers}.final_norm_layernorm.weight`),
    weight("lm_head.MatMul.weight", [hidden, vocabulary]),
  ];
}

/** A .onnx file whose tensors, small constants apart, have no values yet. Encoded by the package's own writer. */
export function llamaBytes(config: LlamaConfig): Uint8Array {
  const { hidden, layers, heads, kvHeads, vocabulary, dtype } = config;
  const elemType = ELEMENT_TYPE[dtype];
  const cacheOf = (prefix: string, length: string): NewValueInfo[] =>
    Array.from({ length: layers }, (_, l) =>
      ["key", "value"].map((part) => ({
        name: `${prefix}.${l}.${part}`,
        elemType,
        shape: ["batch_size", kvHeads, length, hidden / heads],
      })),
    ).flat();
  const ints = (name: string, length: string): NewValueInfo => ({
    name,
    elemType: INT64,
    shape: ["batch_size", length],
  });
  const inputs = [
    ints("input_ids", "sequence_length"),
    ints("attention_mask", "total_sequence_length"),
    ...cacheOf("past_key_values", "past_sequence_length"),
  ];
  const outputs = [
    { name: "logits", elemType, shape: ["batch_size", "sequence_length", vocabulary] },
    ...cacheOf("present", "total_sequence_length"),
  ];
  const one = fieldOf(TENSOR.rawData, new Uint8Array(BigInt64Array.of(1n).buffer));
  const constants = [
    { name: "one", dims: [], dataType: INT64 },
    { name: "axis_1", dims: [1], dataType: INT64 },
  ];
  const graph = Buffer.concat([
    ...nodesOf(config).map((node) => fieldOf(GRAPH.node, encodeNode(node))),
    fieldOf(GRAPH.name, "llama"),
    ...llamaTensors(config).map(({ name, dims }) =>
      fieldOf(GRAPH.initializer, encodeTensorHead({ name, dims, dataType: elemType })),
    ),
    ...constants.map((tensor) => fieldOf(GRAPH.initializer, Buffer.concat([encodeTensorHead(tensor), one]))),
    ...inputs.map((input) => fieldOf(GRAPH.input, encodeValueInfo(input))),
    ...outputs.map((output) => fieldOf(GRAPH.output, encodeValueInfo(output))),
  ]);
  const opset = (domain: string, version: number) =>
    fieldOf(MODEL.opsetImport, Buffer.concat([fieldOf(OPSET.domain, domain), numberField(OPSET.version, version)]));
  return Buffer.concat([
    numberField(MODEL.irVersion, 8),
    fieldOf(MODEL.producerName, "transformers-prune"),
    fieldOf(MODEL.graph, graph),
    opset("", 18),
    opset("com.microsoft", 1),
  ]);
}

const INT32 = 6;
const INT64 = 7;
const ELEMENT_TYPE = { float32: 1, float16: 10 } as const;

/** A field that holds a number below 128. */
const numberField = (field: number, value: number): Uint8Array => Uint8Array.of(field << 3, value);

function node(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, number>> = {},
  name = `${opType}_${outputs[0]}`,
): NewNode {
  return {
    name,
    opType,
    inputs,
    outputs,
    ...(CONTRIB.has(opType) && { domain: "com.microsoft" }),
    attributes: Object.entries(attributes).map(([name, value]) => ({
      name,
      kind: name === "epsilon" ? "float" : "int",
      value,
    })),
  };
}

const CONTRIB = new Set(["SkipSimplifiedLayerNormalization", "GroupQueryAttention"]);

function nodesOf(config: LlamaConfig): NewNode[] {
  const { layers } = config;
  const last = `/model/layers.${layers}/final_norm_layernorm`;
  return [
    node("Gather", ["model.embed_tokens.weight", "input_ids"], [stateBefore(0)]),
    node("ReduceSum", ["attention_mask", "axis_1"], ["mask_sum"], { keepdims: 0 }),
    node("Sub", ["mask_sum", "one"], ["last_position"]),
    node("Cast", ["last_position"], ["seqlens_k"], { to: INT32 }),
    node("Shape", ["attention_mask"], ["mask_shape"]),
    node("Gather", ["mask_shape", "one"], ["mask_length"]),
    node("Cast", ["mask_length"], ["total_length"], { to: INT32 }),
    ...Array.from({ length: layers }, (_, l) => block(l, config)).flat(),
    normalise([stateBefore(layers), downOf(layers - 1)], `model.layers.${layers}.final_norm_layernorm.weight`, [
      `${last}/output_0`,
    ]),
    node("MatMul", [`${last}/output_0`, "lm_head.MatMul.weight"], ["logits"], {}, "/lm_head/MatMul"),
  ];
}

const EPSILON = { epsilon: 1e-5 };
/** The residual stream that a block's input norm adds to, and what the block before adds to it. */
const stateBefore = (l: number) =>
  l === 0 ? "/model/embed_tokens/Gather/output_0" : `/model/layers.${l - 1}/post_attention_layernorm/output_3`;
const downOf = (l: number) => `/model/layers.${l}/mlp/down_proj/MatMul/output_0`;

const normalise = (inputs: readonly [string, string], scale: string, outputs: readonly string[]) =>
  node("SkipSimplifiedLayerNormalization", [...inputs, scale], outputs, EPSILON);

function block(l: number, { heads, kvHeads }: LlamaConfig): NewNode[] {
  const at = (part: string) => `/model/layers.${l}/${part}`;
  const weight = (part: string) => `model.layers.${l}.${part}.weight`;
  const out = (part: string) => at(`${part}/MatMul/output_0`);
  const linear = (part: string, input: string) =>
    node("MatMul", [input, weight(`${part.replace("/", ".")}.MatMul`)], [out(part)], {}, at(`${part}/MatMul`));
  const normalised = at("input_layernorm/output_0");
  const state = l === 0 ? stateBefore(0) : at("input_layernorm/output_3");
  const scale = weight("input_layernorm");
  const after = at("post_attention_layernorm");
  return [
    l === 0
      ? node("SimplifiedLayerNormalization", [state, scale], [normalised], { ...EPSILON, axis: -1, stash_type: 1 })
      : normalise([stateBefore(l), downOf(l - 1)], scale, [normalised, "", "", state]),
    linear("attn/q_proj", normalised),
    linear("attn/k_proj", normalised),
    linear("attn/v_proj", normalised),
    node(
      "GroupQueryAttention",
      [
        ...["attn/q_proj", "attn/k_proj", "attn/v_proj"].map(out),
        ...["key", "value"].map((part) => `past_key_values.${l}.${part}`),
        ...["seqlens_k", "total_length", "cos_cache", "sin_cache"],
      ],
      [at("attn/GroupQueryAttention/output_0"), `present.${l}.key`, `present.${l}.value`],
      { num_heads: heads, kv_num_heads: kvHeads, do_rotary: 1 },
    ),
    linear("attn/o_proj", at("attn/GroupQueryAttention/output_0")),
    normalise([state, out("attn/o_proj")], weight("post_attention_layernorm"), [
      `${after}/output_0`,
      "",
      "",
      `${after}/output_3`,
    ]),
    linear("mlp/gate_proj", `${after}/output_0`),
    linear("mlp/up_proj", `${after}/output_0`),
    node("Sigmoid", [out("mlp/gate_proj")], [at("mlp/act_fn/Sigmoid/output_0")]),
    node("Mul", [out("mlp/gate_proj"), at("mlp/act_fn/Sigmoid/output_0")], [at("mlp/act_fn/Mul/output_0")]),
    node("Mul", [at("mlp/act_fn/Mul/output_0"), out("mlp/up_proj")], [at("mlp/Mul/output_0")]),
    linear("mlp/down_proj", at("mlp/Mul/output_0")),
  ];
}

/** Edits that give the tensors of `llamaBytes` their values, one at a time as they are written. */
export function llamaEdits({ graph }: OnnxModel, config: LlamaConfig): ReadonlyMap<OnnxTensor, TensorEdit> {
  const described = new Map(llamaTensors(config).map((tensor, seed) => [tensor.name, { tensor, seed }]));
  const edits = new Map<OnnxTensor, TensorEdit>();
  for (const initializer of graph.initializers) {
    const found = described.get(initializer.name);
    if (found === undefined) continue;
    const { tensor, seed } = found;
    const bytes = () => llamaValues(tensor, config, seed);
    edits.set(initializer, { kind: "bytes", byteLength: byteLength(tensor, config), bytes });
  }
  return edits;
}

/**
 * Values of a tensor as little-endian bytes, the same for the same seed. Weights are even over ± 2 / √hidden, or so
 * in float16, so that hidden states neither vanish nor overflow.
 */
function llamaValues({ dims, kind }: LlamaTensor, { dtype, hidden }: LlamaConfig, seed: number): Uint8Array {
  const elements = dims.reduce((a, b) => a * b, 1);
  const random = xorshift(seed);
  const columns = dims.at(-1) ?? 1;
  const angle = (k: number) => Math.floor(k / columns) * 10000 ** (-(k % columns) / columns);
  const reach = 2 / Math.sqrt(hidden);
  const valueAt = {
    weight: () => (random() * 2 ** -31 - 1) * reach,
    norm: () => 1,
    cos: (k: number) => Math.cos(angle(k)),
    sin: (k: number) => Math.sin(angle(k)),
  }[kind];
  const floats = new Float32Array(elements);
  for (let k = 0; k < elements; k++) floats[k] = valueAt(k);
  return new Uint8Array(dtype === "float32" ? floats.buffer : halves(floats).buffer);
}

/** Float32 to float16 by cutting bits off; values below 2^-14 become 0. */
function halves(floats: Float32Array): Uint16Array {
  const bits = new Uint32Array(floats.buffer);
  return Uint16Array.from(bits, (word) => {
    const size = (word & 0x7fffffff) >>> 13;
    return ((word >>> 16) & 0x8000) | (size < 0x1c400 ? 0 : size - 0x1c000);
  });
}

/** Whole numbers of 32 bits. */
function xorshift(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b9) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
