/**
 * What pruning does to the predictions for a few hundred tokens. The figures are taken inside the
 * graph, so that [tokens, vocabulary] logits do not leave the runtime for every candidate.
 */
import { DRAFT_PREFIX, type GraphDraft } from "../../calibrate/index.js";
import { PruneError } from "../../errors.js";
import { addLikelihood, LIKELIHOOD } from "../../eval/index.js";
import type { Model, Value } from "../../graph/index.js";
import type { RuntimeTensor } from "../../runtime/index.js";
import type { Objective } from "../objective.js";
import { ProxySession } from "../proxy-session.js";
import type { Subject } from "../subject.js";
import { byForward } from "./forward.js";

const LOGITS = "logits";
/** Axes of logits that hold a prediction for every token: [batch, tokens, vocabulary]. */
const AXES_PER_TOKEN = 3;

const DIVERGENCE = `${DRAFT_PREFIX}/divergence`;
const DENSE_LOGITS = `${DRAFT_PREFIX}/dense_logits`;

/** Why a model predicts nothing for every token, in words; null where it does, or where the file does not say. */
export function whyNoPredictions({ graph }: Model): string | null {
  const logits = graph.onnx.outputs.find(({ name }) => name === LOGITS);
  if (logits === undefined) return `the model has no output "${LOGITS}"`;
  const axes = logits.shape?.length ?? AXES_PER_TOKEN;
  return axes === AXES_PER_TOKEN ? null : `the model's logits have ${axes} axes, so they are not of every token`;
}

export const kl: Objective = {
  summary: "Kullback–Leibler divergence of the pruned model's predictions from the dense ones, a few hundred tokens",
  source: "low-fidelity likelihood; our measurements, docs/pho.md",
  better: "lower",
  open: byForward(async (subject) => {
    const logits = logitsOf(subject);
    const reference = await ProxySession.open(subject, { targets: [], outputs: [logits] });
    const dense = await reference.run((target) => subject.dense.of(target)).finally(() => reference.close());
    return {
      options: { targets: subject.targets, outputs: [], draft: (draft) => addDivergence(draft, subject) },
      masked: subject.targets,
      fed: { [DENSE_LOGITS]: dense(logits.name) },
      judge: () => (pruned) => mean(Array.from(pruned(DIVERGENCE).data as Float32Array)),
    };
  }),
};

export const likelihood: Objective = {
  summary: "negative log-likelihood of a few hundred tokens",
  source: "perplexity itself on very little text; our measurements, docs/pho.md",
  better: "lower",
  open: byForward((subject) => {
    logitsOf(subject);
    return {
      options: { targets: subject.targets, outputs: [], draft: (draft) => addLikelihood(draft, subject.model.onnx) },
      masked: subject.targets,
      judge: () => (pruned) => mean(predicted(pruned(LIKELIHOOD))),
    };
  }),
};

function logitsOf({ model }: Subject) {
  const why = whyNoPredictions(model);
  if (why === null) return model.graph.outputs.find(({ name }) => name === LOGITS) as Value;
  throw new PruneError(
    "unsupported",
    `${model.onnx.name}: ${why}, and predictions of a few hundred tokens are what would be compared; tune with hidden-drift or output-error`,
    { details: { file: model.onnx.name } },
  );
}

/** Σ p · (log p − log q) per token, p of the dense logits, which are fed. */
function addDivergence(draft: GraphDraft, { model }: Subject): void {
  const graph = model.graph.onnx;
  const named = (name: string) => `${DIVERGENCE}/${name}`;
  const node = (opType: string, inputs: string[], name: string) => draft.node(graph, opType, inputs, named(name));
  draft.input(DENSE_LOGITS, 1, ["batch", "tokens", "vocabulary"]);
  const logarithm = (value: string, name: string) =>
    draft.node(graph, "LogSoftmax", [value], named(name), [{ name: "axis", kind: "int", value: -1 }]);
  const p = logarithm(DENSE_LOGITS, "log_p");
  const q = logarithm(draft.toFloat32(graph, LOGITS, named("logits")), "log_q");
  const terms = node("Mul", [node("Exp", [p], "p"), node("Sub", [p, q], "difference")], "terms");
  draft.output(graph, draft.reduce(graph, "ReduceSum", -1, terms, DIVERGENCE), ["batch", "tokens"]);
}

/** Values of [batch, tokens] without those of the last position, which predicts nothing. */
function predicted({ data, dims }: RuntimeTensor): number[] {
  const length = dims.at(-1) as number;
  return Array.from(data as Float32Array).filter((_, index) => index % length !== length - 1);
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
