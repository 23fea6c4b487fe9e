/**
 * Perplexity of a causal language model: exp of the mean negative log-likelihood of positions
 * 1 … length − 1 of each window, every window run alone without a past (protocol P1). The
 * likelihoods are taken inside the graph, so that [tokens, vocabulary] logits never leave the runtime.
 */
import { DRAFT_PREFIX, END, GraphDraft, textFeeds } from "../calibrate/index.js";
import { PruneError } from "../errors.js";
import { graphsOf, type ModelEdits, type OnnxModel } from "../onnx/index.js";
import { mergeEdits } from "../onnx/merge-edits.js";
import type { RunControl } from "../progress.js";
import { openEdited, type Runtime, type RuntimeSession, type SessionOptions } from "../runtime/index.js";

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
  /** What is evaluated instead of the file as it is: pruned weights from memory, nodes that expand packed ones. */
  readonly edits?: ModelEdits;
  /**
   * Tokens from one window's start to the next one's, where windows overlap: of every window after
   * the first only that many, the new ones, are counted, with the others as their context.
   */
  readonly stride?: number;
}

/** Output that {@link addLikelihood} declares. */
export const LIKELIHOOD = `${DRAFT_PREFIX}/negative_log_likelihood`;

/** Likelihoods of one prefix differ by rounding at most, whatever comes after it. */
const LARGEST_NOISE = 1e-3;

/** Negative log-likelihood of the token after each position of a window, in nats; the last is of no token. */
type Evaluate = (ids: readonly number[]) => Promise<ArrayLike<number>>;

/**
 * Perplexity over windows of token ids, [windows][length], each at least two tokens long.
 *
 * @param onWindow called after each window with the number done
 * @throws PruneError `unsupported` where the model is not a causal language model (input `input_ids`,
 *   output `logits`, no look at later tokens) or cannot be run on token ids; `bad-option` where no
 *   window holds two tokens; `bad-statistics` where likelihoods are not finite; the signal's reason when aborted
 */
export async function perplexity(
  model: OnnxModel,
  windows: readonly (readonly number[])[],
  options: PerplexityOptions,
  control: { readonly signal?: RunControl["signal"]; readonly onWindow?: (done: number) => void } = {},
): Promise<Perplexity> {
  const predicting = windows.filter((ids) => ids.length >= 2);
  if (predicting.length === 0)
    throw new PruneError(
      "bad-option",
      "the text holds no window of two tokens or more; give a longer text or a larger length",
    );
  const edits = mergeEdits(options.edits ?? {}, { graphs: likelihoodEdits(model) });
  const session = await openEdited(options.runtime, model, edits, options.sessionOptions);
  try {
    const evaluate: Evaluate = (ids) =>
      run(session, textFeeds(options.runtime, session, [ids], model.name), model.name);
    let total = 0;
    let tokens = 0;
    for (const [index, ids] of predicting.entries()) {
      control.signal?.throwIfAborted();
      const likelihoods = await evaluate(ids);
      refuseNonFinite(likelihoods, ids.length - 1, index, model.name);
      if (index === 0 && !isNoisyDecoder(model)) await refuseUnlessCausal(ids, likelihoods, evaluate, model.name);
      const predicted = ids.length - 1;
      const first = index === 0 ? 0 : Math.max(0, predicted - (options.stride ?? predicted));
      for (let t = first; t < predicted; t++) total += likelihoods[t] as number;
      tokens += predicted - first;
      control.onWindow?.(index + 1);
    }
    return { perplexity: Math.exp(total / tokens), tokens, meanNegativeLogLikelihood: total / tokens };
  } finally {
    await session.release();
  }
}

async function run(
  session: RuntimeSession,
  feeds: Readonly<Record<string, unknown>>,
  file: string,
): Promise<ArrayLike<number>> {
  try {
    const { [LIKELIHOOD]: output } = await session.run(feeds);
    const likelihoods = Array.from(output?.data as ArrayLike<number>);
    output?.dispose?.();
    return likelihoods;
  } catch (cause) {
    throw new PruneError(
      "unsupported",
      `${file}: the model cannot be run on a window of token ids: ${cause instanceof Error ? cause.message : String(cause)}`,
      { details: { file }, cause },
    );
  }
}

function refuseNonFinite(likelihoods: ArrayLike<number>, count: number, window: number, file: string): void {
  for (let t = 0; t < count; t++) {
    if (Number.isFinite(likelihoods[t])) continue;
    throw new PruneError(
      "bad-statistics",
      `${file}: the negative log-likelihood of token ${t + 1} of window ${window} is ${likelihoods[t]}; the model overflows ` +
        "on this text: evaluate a float32 file, or another text",
      { details: { file, window, token: t + 1 } },
    );
  }
}

/**
 * Whether a model with a past quantises activations as it runs. All tokens share a scale then, so that a later token
 * changes what is said of an earlier one (by 0.5 nats on SmolLM2's q8) although the model does not look at it; that
 * it takes a past, which a masked language model does not, has to do.
 */
function isNoisyDecoder({ graph }: OnnxModel): boolean {
  const nodes = [...graphsOf(graph)].flatMap((one) => one.nodes);
  return (
    graph.inputs.some(({ name }) => /^past_/.test(name)) &&
    nodes.some(({ opType }) => opType === "DynamicQuantizeLinear")
  );
}

/**
 * A model that looks at later tokens (a masked language model has the same inputs and outputs) knows
 * what it should predict. Changing the last token of a window shows it.
 */
async function refuseUnlessCausal(
  ids: readonly number[],
  likelihoods: ArrayLike<number>,
  evaluate: Evaluate,
  file: string,
): Promise<void> {
  const other = ids.find((id) => id !== ids.at(-1));
  if (other === undefined) return; // one token, again and again: nothing to change it to
  const changed = await evaluate([...ids.slice(0, -1), other]);
  for (let t = 0; t < ids.length - 2; t++) {
    const [before, after] = [likelihoods[t] as number, changed[t] as number];
    if (Math.abs(before - after) <= LARGEST_NOISE * Math.max(1, Math.abs(before))) continue;
    throw new PruneError(
      "unsupported",
      `${file}: another last token changes what the model says of token ${t + 1}, so it is no causal language model and has no perplexity`,
      { details: { file } },
    );
  }
}

/** logsumexp(logits) − logits[next token] as the only output. */
function likelihoodEdits(model: OnnxModel): NonNullable<ModelEdits["graphs"]> {
  const { graph } = model;
  const inputs = graph.inputs.map(({ name }) => name);
  const outputs = graph.outputs.map(({ name }) => name);
  if (!inputs.includes("input_ids") || !outputs.includes("logits"))
    throw new PruneError(
      "unsupported",
      `${model.name}: perplexity needs a causal language model with input "input_ids" and output "logits"; ` +
        `this one has inputs ${firstFew(inputs)} and outputs ${firstFew(outputs)}`,
      { details: { file: model.name } },
    );
  const draft = new GraphDraft(model, "perplexity");
  addLikelihood(draft, model);
  return draft.edits(false);
}

/**
 * Adds the output `LIKELIHOOD`, float32 [batch, tokens]: negative log-likelihood of the token after
 * each position; the last is of no token. The model has `input_ids` and `logits`.
 */
export function addLikelihood(draft: GraphDraft, { graph }: OnnxModel): void {
  const named = (name: string) => `${DRAFT_PREFIX}/${name}`;
  const node = (opType: string, inputs: string[], name: string, axis?: number) =>
    draft.node(
      graph,
      opType,
      inputs,
      named(name),
      axis === undefined ? [] : [{ name: "axis", kind: "int", value: axis }],
    );
  const logits = draft.toFloat32(graph, "logits", named("logits"));
  const normaliser = draft.reduce(graph, "ReduceLogSumExp", -1, logits, named("log_sum_exp"));
  // Next tokens: the ids moved left by one; the first id comes round to the last place, which nobody reads.
  const [zero, one, end] = [draft.int64s(0), draft.int64s(1), draft.int64s(END)];
  const rest = node("Slice", ["input_ids", one, end, one], "rest");
  const first = node("Slice", ["input_ids", zero, one, one], "first");
  const next = node("Concat", [rest, first], "next", 1);
  const index = node("Reshape", [next, draft.int64s(0, 0, 1)], "index");
  const chosen = node("GatherElements", [logits, index], "chosen", 2);
  const flat = node("Reshape", [chosen, draft.int64s(0, 0)], "chosen_flat");
  draft.node(graph, "Sub", [normaliser, flat], LIKELIHOOD);
  draft.output(graph, LIKELIHOOD, ["batch", "tokens"]);
}

const firstFew = (names: readonly string[]): string => names.slice(0, 4).join(", ") + (names.length > 4 ? ", …" : "");
