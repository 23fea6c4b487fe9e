/**
 * What a weight is called. Exporters leave the module path in node names
 * (`/model/layers.0/self_attn/q_proj/MatMul`) or in initializer names
 * (`model.layers.0.self_attn.q_proj.weight`); either becomes `layers.0.self_attn.q_proj`, and block
 * and kind are read off that. Model families differ in their words only, so they are tables here.
 */
import type { WeightKind } from "./types.js";

/** Leading modules that only wrap the model: one export of it has them, the next does not. */
const ROOTS = new Set(
  "model transformer base_model module bert roberta distilbert electra albert deberta mpnet vit gpt_neox".split(" "),
);

/** Trailing words that tell the operator, not the module: MatMul, MatMul_1, MatMul_Q4, MatMulAddFusion, … */
const OPERATOR =
  /^(Fused|QLinear)?(MatMul|Gemm|Conv|Gather|Transpose|Cast|Identity|Constant|Einsum|Attention|Q?MoE|LSTM|GRU)([A-Z_\d]\w*)?$/;

/** Whole names that an exporter made up: node_linear_3, matmul_12, val_12, onnx::MatMul_732, 1204, … */
const MADE_UP =
  /^(node_.*|onnx::.*|\d+|(fused_)?(matmul|gemm|linear|addmm|mm|bmm|val|t|tensor|const|initializer|arg|op|n)[_\d]*)$/i;

/** What exporters, optimisers and quantisers append to the name of a parameter. */
const PARAMETER_SUFFIX = /(_output_\d+|_transposed|_merged_\d+|_quant(ized)?|_fp16|_Q\d\w*|\.(weight|kernel|qweight))$/;

/**
 * Readable name of a weight, not yet unique.
 * @param nodeNames names of the nodes that use it, best first; "" where a node has none
 * @param parameterName name of the initializer that stores it
 * @param fallback for exports that keep neither
 */
export function weightName(nodeNames: readonly string[], parameterName: string, fallback: string): string {
  const node = nodeNames.map(modulePath).find((path) => path !== null) ?? null;
  const parameter = modulePath(parameterName);
  // A module with several parameters of its own: the parameter's name says which one it is.
  if (node !== null && parameter?.startsWith(`${node}.`)) return parameter;
  return node ?? parameter ?? fallback;
}

/** Module path in dots, without root, operator and parameter suffix; null where the name carries none. */
function modulePath(name: string): string | null {
  let rest = name;
  while (PARAMETER_SUFFIX.test(rest)) rest = rest.replace(PARAMETER_SUFFIX, "");
  if (MADE_UP.test(rest)) return null;
  const words = rest.split(/[/.]+/).filter((word) => word !== "");
  while (OPERATOR.test(words.at(-1) ?? "")) words.pop();
  while (words.length > 1 && ROOTS.has(words[0] ?? "")) words.shift();
  return words.length > 0 ? words.join(".") : null;
}

/** Modules that number the repeated blocks. */
const BLOCK = /(?:^|\.)(?:layers?|h|blocks?|resblocks|transformer_blocks|albert_layers)[._]?(\d{1,6})(?=\.|$)/;

/** Index of the block a weight belongs to, null outside of blocks; the outermost where blocks nest (T5's `block.3.layer.0`). */
export function layerIndex(name: string): number | null {
  const index = BLOCK.exec(name)?.[1];
  return index === undefined ? null : Number(index);
}

/** Names that end in one of these words, each preceded by a dot or nothing. */
const ending = (words: string) => new RegExp(`(^|\\.)(${words.replaceAll(".", "\\.").replaceAll(" ", "|")})$`);

interface KindRow {
  readonly kind: WeightKind;
  readonly pattern: RegExp;
  /** The row holds only where the same module has this weight as well. */
  readonly beside?: string;
}

/** The first row that fits decides. */
const KINDS: readonly KindRow[] = [
  { kind: "other", pattern: /(^|\.)(classifier|pooler|cls)\./ },
  { kind: "q", pattern: ending("q q_proj query query_proj q_lin to_q wq") },
  { kind: "k", pattern: ending("k k_proj key key_proj k_lin to_k wk") },
  { kind: "v", pattern: ending("v v_proj value value_proj v_lin to_v wv") },
  // `dense`, `proj` and `out` are everywhere; only in attention are they the output projection.
  {
    kind: "o",
    pattern: /(attn|attention)\.(output\.)?(o|o_proj|out|out_proj|out_lin|to_out|to_out\.0|wo|dense|proj|c_proj)$/i,
  },
  { kind: "o", pattern: ending("o_proj") },
  { kind: "gate", pattern: ending("gate_proj wi_0") },
  { kind: "up", pattern: ending("up_proj wi_1 w3") },
  { kind: "down", pattern: ending("down_proj") },
  // T5 calls the last layer `wo` with a gate and without; `w1 w2 w3` are a gated block, `w1 w2` a plain one.
  { kind: "down", pattern: ending("wo"), beside: "wi_0" },
  { kind: "gate", pattern: ending("w1"), beside: "w3" },
  { kind: "down", pattern: ending("w2"), beside: "w3" },
  { kind: "fc", pattern: ending("fc1 fc2 fc_in fc_out c_fc mlp.c_proj lin1 lin2 linear1 linear2 wi wo w1 w2") },
  { kind: "fc", pattern: ending("dense_h_to_4h dense_4h_to_h intermediate_dense output_dense ffn ffn_output") },
  { kind: "fc", pattern: ending("intermediate.dense output.dense") },
];

/**
 * What a weight does in its block, as its name tells.
 * @param names the names of all weights of the model, for the few words that mean two things
 */
export function weightKind(name: string, names: ReadonlySet<string> = new Set()): WeightKind {
  const module = name.slice(0, name.lastIndexOf(".") + 1);
  const row = KINDS.find(
    ({ pattern, beside }) => pattern.test(name) && (beside === undefined || names.has(module + beside)),
  );
  return row?.kind ?? "other";
}
