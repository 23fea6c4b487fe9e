/**
 * Taps: nodes added to the graph that reduce an activation to three small outputs per distinct
 * input of linear layers (q, k, v share one; gate, up share one): sum and sum of squares per input
 * channel, and the number of tokens, all float32. Nothing else leaves the runtime, so calibration
 * costs about what a forward pass costs, and memory does not grow with the number of samples.
 */
import type { Model, Target } from "../graph/index.js";
import type { ModelEdits } from "../onnx/index.js";
import { DRAFT_PREFIX } from "./draft.js";
import { ReadingDraft, readingsOf } from "./readings.js";

/** Names of a tap's outputs: [in], [in], [1]. */
export interface TapOutputs {
  readonly sum: string;
  readonly sumOfSquares: string;
  readonly tokens: string;
}

/** One tapped activation, and the weights it meets. */
export interface Tap {
  readonly outputs: TapOutputs;
  readonly targets: readonly [Target, ...Target[]];
}

/** What to add to a model, and how to read it back. */
export interface TapPlan {
  readonly taps: readonly Tap[];
  readonly edits: Pick<ModelEdits, "graphs" | "addNodeOutputs">;
}

export interface TapOptions {
  /** Whether feeds may hold padding that `attention_mask` names. */
  readonly padding: boolean;
  /** Keep the graph's own outputs. Without them the runtime drops what only they need, such as the head. */
  readonly keepOutputs: boolean;
}

/**
 * Plans taps for all distinct activations of `targets`. Inside the branches of an `If` an activation
 * is reduced there and handed out through it; the branch that did not run gives zeros. Of a convolution, every
 * place of its window is a token.
 *
 * @throws PruneError `unsupported` where a target lies in the body of a Loop or Scan, or the model's
 *   operator set is older than 11; `bad-graph` where the model is tapped already
 */
export function planTaps(model: Model, targets: readonly Target[], options: TapOptions): TapPlan {
  const draft = new ReadingDraft(model, options.padding);
  const taps = readingsOf(targets).map((reading, index): Tap => {
    const prefix = `${DRAFT_PREFIX}/tap${index}`;
    const { graph, targets } = reading;
    const { rows, tokens } = draft.rowsOf(reading, prefix);
    const channels = targets[0].shape.in;
    const total = (opType: "ReduceSum" | "ReduceSumSquare", name: string) =>
      draft.handOut(reading, draft.reduce(graph.onnx, opType, 0, rows, `${prefix}/${name}`), [channels]);
    const outputs = {
      sum: total("ReduceSum", "sum"),
      sumOfSquares: total("ReduceSumSquare", "sum_of_squares"),
      tokens: draft.handOut(reading, tokens, [1]),
    };
    return { outputs, targets };
  });
  return { taps, edits: draft.modelEdits(options.keepOutputs) };
}
