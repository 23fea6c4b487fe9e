/**
 * Perplexity of a causal language model: exp of the mean negative log-likelihood of positions
 * 1 … length − 1 of each window, every window run alone without a past (protocol P1). The
 * likelihoods are taken inside the graph, so that [tokens, vocabulary] logits never leave the runtime.
 */
import { DRAFT_PREFIX, GraphDraft, textFeeds } from "../calibrate/index.js";
import { PruneError } from "../errors.js";
import type { ModelEdits, OnnxModel } from "../onnx/index.js";
import type { RunControl } from "../progress.js";
import { openEdited, type Runtime, type SessionOptions } from "../runtime/index.js";

/** Figures of one evaluation. Always give them with text, length, number of windows and dtype. */
export interface Perplexity {
  readonly perplexity: number;
  /** Tokens that were predicted. */
  readonly tokens: number;
  /** Mean negative log-likelihood of a token, in nats. */
  readonly meanNegativeLogLikelihood: number;
}

export interface PerplexityOptions {
  readonly runtime: Runtime;
  readonly sessionOptions: SessionOptions;
  /** Tensors to evaluate instead of the stored ones (masked weights, from memory). */
  readonly tensors?: NonNullable<ModelEdits["tensors"]>;
}

const NLL = `${DRAFT_PREFIX}/negative_log_likelihood`;

/**
 * Perplexity over windows of token ids, [windows][length], each at least two tokens long.
 *
 * @param onWindow called after each window with the number done
 * @throws PruneError `unsupported` where the model is not a causal language model (input `input_ids`,
 *   output `logits`); `bad-option` where no window holds two tokens; the signal's reason when aborted
 */
export async function perplexity(
  model: OnnxModel,
  windows: readonly (readonly number[])[],
  options: PerplexityOptions,
  control: { readonly signal?: RunControl["signal"]; readonly onWindow?: (done: number) => void } = {},
): Promise<Perplexity> {
  const edits: ModelEdits = { graphs: likelihoodEdits(model), ...(options.tensors && { tensors: options.tensors }) };
  const session = await openEdited(options.runtime, model, edits, options.sessionOptions);
  let total = 0;
  let tokens = 0;
  try {
    for (const [index, ids] of windows.entries()) {
      control.signal?.throwIfAborted();
      const outputs = await session.run(textFeeds(options.runtime, session, [ids], model.name));
      const likelihoods = outputs[NLL]?.data as ArrayLike<number>;
      // The last position predicts a token outside of the window.
      for (let t = 0; t < ids.length - 1; t++) total += likelihoods[t] as number;
      tokens += Math.max(0, ids.length - 1);
      outputs[NLL]?.dispose?.();
      control.onWindow?.(index + 1);
    }
  } finally {
    await session.release();
  }
  if (tokens === 0)
    throw new PruneError(
      "bad-option",
      "the text holds no window of two tokens or more; give a longer text or a smaller length",
    );
  return { perplexity: Math.exp(total / tokens), tokens, meanNegativeLogLikelihood: total / tokens };
}

/** Adds logsumexp(logits) − logits[next token] as the only output, [batch, tokens]. */
function likelihoodEdits(model: OnnxModel): NonNullable<ModelEdits["graphs"]> {
  const { graph } = model;
  const names = { inputs: graph.inputs.map(({ name }) => name), outputs: graph.outputs.map(({ name }) => name) };
  if (!names.inputs.includes("input_ids") || !names.outputs.includes("logits"))
    throw new PruneError(
      "unsupported",
      `${model.name}: perplexity needs a causal language model with input "input_ids" and output "logits"; ` +
        `this one has inputs ${names.inputs.slice(0, 4).join(", ")}… and outputs ${names.outputs.slice(0, 4).join(", ")}…`,
      { details: { file: model.name } },
    );
  const draft = new GraphDraft(model, "perplexity");
  const node = (opType: string, inputs: string[], name: string, attributes: Parameters<GraphDraft["node"]>[4] = []) =>
    draft.node(graph, opType, inputs, `${DRAFT_PREFIX}/${name}`, attributes);
  const logits = draft.toFloat32(graph, "logits", `${DRAFT_PREFIX}/logits`);
  const normaliser = draft.reduce(graph, "ReduceLogSumExp", -1, logits, `${DRAFT_PREFIX}/log_sum_exp`);
  // Next tokens: the ids moved left by one; the first id comes round to the last place, which nobody reads.
  const one = draft.int64s([1]);
  const axis = draft.int64s([1]);
  const rest = node("Slice", ["input_ids", one, draft.int64s([Number.MAX_SAFE_INTEGER]), axis], "rest");
  const first = node("Slice", ["input_ids", draft.int64s([0]), one, axis], "first");
  const next = node("Concat", [rest, first], "next", [{ name: "axis", kind: "int", value: 1 }]);
  const index = node("Reshape", [next, draft.int64s([0, 0, 1])], "index");
  const chosen = node("GatherElements", [logits, index], "chosen", [{ name: "axis", kind: "int", value: 2 }]);
  const flat = node("Reshape", [chosen, draft.int64s([0, 0])], "chosen_flat");
  draft.node(graph, "Sub", [normaliser, flat], NLL);
  draft.output(graph, NLL, ["batch", "tokens"]);
  return draft.edits(false);
}
