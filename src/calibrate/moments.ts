/**
 * Second moments of what linear layers read, computed in the graph: for every distinct activation X of a run
 * (q, k, v share one; gate, up share one) the sums over tokens and the product X^T X leave the runtime, in
 * float32, and the outputs of all runs are added in float64. One run holds few enough tokens for float32.
 */
import type { Model, Target } from "../graph/index.js";
import { diagonalOf, MomentTotal, type SecondMoments } from "../linalg/second-moments.js";
import type { NewAttribute } from "../onnx/index.js";
import { freeTensor, type RuntimeTensor } from "../runtime/index.js";
import type { ChannelStatistics } from "../score/index.js";
import { checkStatistics } from "./collector.js";
import { DRAFT_PREFIX } from "./draft.js";
import { perTarget } from "./per-target.js";
import { ReadingDraft, readingsOf } from "./readings.js";
import type { TapOptions, TapPlan } from "./taps.js";

/** Second moments of every target of one model file; weights that read the same share one object. */
export type TargetMoments = ReadonlyMap<Target, SecondMoments>;

/** Names of what a graph returns of one activation. */
export interface MomentOutputs {
  /** [in] */
  readonly sum: string;
  /** [in, in] */
  readonly product: string;
  /** [1] */
  readonly tokens: string;
  /** The activation itself, [rows, in], rows of padding 0; null where it stays in the runtime. */
  readonly rows: string | null;
  /** [rows, 1], 0 for rows of padding, else 1; null where no row is, or `rows` is null. */
  readonly counted: string | null;
}

/** One activation, and the weights it meets. */
export interface MomentTap {
  readonly outputs: MomentOutputs;
  readonly targets: readonly [Target, ...Target[]];
}

/** The taps of targets of which only some uses were tapped, for the targets with all of them. */
export const tapsOfWhole = (taps: readonly MomentTap[], wholeOf: (target: Target) => Target): MomentTap[] =>
  taps.map(({ outputs, targets: [first, ...rest] }) => ({ outputs, targets: [wholeOf(first), ...rest.map(wholeOf)] }));

/** What to add to a model, and how to read it back. */
export interface MomentPlan {
  readonly taps: readonly MomentTap[];
  readonly edits: TapPlan["edits"];
}

export interface MomentOptions extends TapOptions {
  /** Targets whose activations themselves leave the runtime as well. */
  readonly rowsOf?: ReadonlySet<Target>;
}

/**
 * Plans the moments of all distinct activations of `targets`, as `planTaps` its taps. Of a convolution, every place
 * of its window is a token.
 *
 * @throws PruneError as `planTaps`
 */
export function planMoments(model: Model, targets: readonly Target[], options: MomentOptions): MomentPlan {
  const draft = new ReadingDraft(model, options.padding);
  const taps = readingsOf(targets).map((reading, index): MomentTap => {
    const prefix = `${DRAFT_PREFIX}/moments${index}`;
    const { graph, targets } = reading;
    const channels = targets[0].shape.in;
    const { rows, tokens, counted } = draft.rowsOf(reading, prefix);
    const transposed: NewAttribute = { name: "transA", kind: "int", value: 1 };
    const product = draft.node(graph.onnx, "Gemm", [rows, rows], `${prefix}/product`, [transposed]);
    const hasRows = targets.some((target) => options.rowsOf?.has(target));
    const ones = hasRows && counted !== null ? draft.toFloat32(graph.onnx, counted, `${prefix}/are_counted`) : null;
    const sum = draft.reduce(graph.onnx, "ReduceSum", 0, rows, `${prefix}/sum`);
    const outputs = {
      sum: draft.handOut(reading, sum, [channels]),
      product: draft.handOut(reading, product, [channels, channels]),
      tokens: draft.handOut(reading, tokens, [1]),
      rows: hasRows ? draft.handOut(reading, rows, [null, channels]) : null,
      counted: ones === null ? null : draft.handOut(reading, ones, [null, 1]),
    };
    return { outputs, targets };
  });
  return { taps, edits: draft.modelEdits(options.keepOutputs) };
}

/** Adds up the outputs of one model's runs. */
export class MomentCollector {
  private readonly totals: readonly { readonly tap: MomentTap; readonly total: MomentTotal }[];

  constructor(taps: readonly MomentTap[]) {
    this.totals = taps.map((tap) => ({ tap, total: new MomentTotal(tap.targets[0].shape.in) }));
  }

  /** Adds one run's outputs and frees them. */
  add(outputs: Readonly<Record<string, RuntimeTensor>>): void {
    const valuesOf = (name: string) => (outputs[name] as RuntimeTensor).data as Float32Array;
    for (const { tap, total } of this.totals) {
      const { sum, product, tokens } = tap.outputs;
      total.add(valuesOf(tokens)[0] as number, valuesOf(sum), valuesOf(product));
    }
    for (const name of this.outputNames) freeTensor(outputs[name] as RuntimeTensor);
  }

  /** Names of all outputs that are not the model's own, to be kept from whoever runs the session. */
  get outputNames(): ReadonlySet<string> {
    return new Set(
      this.totals.flatMap(({ tap: { outputs } }) =>
        (Object.values(outputs) as (string | null)[]).flatMap((name) => name ?? []),
      ),
    );
  }

  /** What the activations of each target gave so far. */
  *counted(): Generator<readonly [Target, SecondMoments]> {
    for (const { tap, total } of this.totals) for (const target of tap.targets) yield [target, total];
  }

  /** The moments so far, see {@link momentsOf}. */
  moments(): TargetMoments {
    return momentsOf([this]);
  }
}

/**
 * The moments that collectors have together. A weight with several inputs (one weight used twice) gets their sum.
 *
 * @throws PruneError `bad-statistics` where a channel is NaN or infinite; `bad-calibration` where a weight saw no token
 */
export function momentsOf(collectors: readonly MomentCollector[]): TargetMoments {
  const all = perTarget(
    collectors.flatMap((collector) => [...collector.counted()]),
    sumOf,
  );
  for (const [target, moments] of all) checkStatistics(target, channelStatistics(moments));
  return all;
}

/** Statistics of input channels, which are a part of the moments. */
const channelStatistics = (moments: SecondMoments): ChannelStatistics => ({
  tokens: moments.tokens,
  sum: moments.sum,
  sumOfSquares: diagonalOf(moments),
});

function sumOf([first, ...others]: readonly [SecondMoments, ...SecondMoments[]]): SecondMoments {
  if (others.length === 0) return first;
  const total = new MomentTotal(first.channels);
  for (const one of [first, ...others]) total.addAll(one);
  return total;
}
