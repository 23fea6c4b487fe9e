/**
 * Statistics of a model whose weights do not fit in memory together: the tapped graph is cut into
 * parts, and all samples go through one part before the next is opened. What crosses a cut waits in
 * files. The nodes that run are the same as in one session, and so are their inputs.
 */
import { PruneError } from "../errors.js";
import {
  cutIntoParts,
  type GraphPart,
  type Model,
  type Node,
  type Target,
  type TargetUse,
  type Value,
} from "../graph/index.js";
import type { GraphEdit, ModelEdits, NewValueInfo } from "../onnx/index.js";
import type { RawFeeds } from "../options/types.js";
import { openEdited, type RuntimeTensor } from "../runtime/index.js";
import { Carried } from "./carried.js";
import { type CollectControl, type CollectOptions, runSample } from "./collect.js";
import { statisticsOf, TapCollector, type TargetStatistics } from "./collector.js";
import type { Samples } from "./samples.js";
import { planTaps, type TapPlan } from "./taps.js";

/** Statistics, and in how many parts they were collected. */
export interface PartedStatistics {
  readonly statistics: TargetStatistics;
  readonly parts: number;
  /** Bytes of the weights of the largest part, as they are stored. */
  readonly largest: number;
}

/** What a process takes beside weights: Node, the runtime, the tokenizer, activations of a run, masks so far. */
const BESIDE_WEIGHTS = 250_000_000;
/** Bytes that a session on a CPU takes for a stored one: 1.2 of float32, 2.5 of float16, which it computes as float32 (docs/large-models.md). */
const BYTES_PER_STORED = 2.5;

/** Bytes of stored weights that a part may have where a process may take about `memory` bytes. */
export const weightBytesWithin = (memory: number): number => Math.max(1, (memory - BESIDE_WEIGHTS) / BYTES_PER_STORED);

/** In how many parts, and whether they kept the bound, for the report; nothing where the model was run whole and within. */
export function describeParts({ parts, largest }: PartedStatistics, mostBytes: number): string {
  if (parts === 1 && largest <= mostBytes) return "";
  const text = `, run in ${parts} ${parts === 1 ? "part" : "parts"} of at most ${Math.ceil(largest / 1e6)} MB of weights`;
  return largest <= mostBytes
    ? text
    : `${text}, more than calibration.memory leaves for them, because a node cannot be cut`;
}

/**
 * As `collectStatistics`, one part of the graph at a time.
 *
 * @param mostBytes most bytes of stored weights that a part may have; one of a single node may have more
 * @throws PruneError as `collectStatistics`; `unsupported` where what crosses a cut is no tensor of
 *   numbers; `storage` where it cannot be kept
 */
export async function collectInParts(
  model: Model,
  targets: readonly Target[],
  samples: Samples,
  options: CollectOptions & { readonly mostBytes: number },
  control: CollectControl,
): Promise<PartedStatistics> {
  control.signal?.throwIfAborted();
  let left: readonly SeenUse[] = targets.flatMap((target) => target.uses.map((use) => seenUse(model, target, use)));
  const values = left.flatMap(({ value }) => value ?? []);
  const parts = cutIntoParts(model, { values, nodes: left.flatMap(({ node }) => node ?? []) }, options.mostBytes);
  const carried = await Carried.open();
  const collectors: TapCollector[] = [];
  // Feeds are made by the first part's session; later parts take the same.
  const batches: { readonly feeds: RawFeeds; readonly samples: number }[] = [];
  try {
    for (const [index, part] of parts.entries()) {
      const isHere = ({ node }: SeenUse) => node === null || part.nodes.has(node);
      const { taps, edits } = tapsOf(model, left.filter(isHere), samples.padding);
      left = left.filter((use) => !isHere(use));
      const collector = new TapCollector(taps);
      collectors.push(collector);
      const session = await openEdited(
        options.runtime,
        model.onnx,
        { ...partEdits(model, part, edits, carried), tensors: within(model, part, options.tensors) },
        options.sessionOptions,
      );
      try {
        let done = 0;
        const run = async (batch: number, feeds: RawFeeds, count: number) => {
          control.signal?.throwIfAborted();
          const taken: Record<string, RuntimeTensor> = {};
          for (const { name } of part.takes) taken[name] = await carried.take(name, batch, options.runtime);
          const outputs = await runSample(session, { ...feeds, ...taken }, model.onnx.name);
          collector.add(outputs);
          for (const { name } of part.gives) await carried.put(name, batch, outputs[name] as RuntimeTensor);
          done += count;
          control.onSample?.(done, { index, count: parts.length });
        };
        if (index === 0)
          for await (const one of samples.batches(options.runtime, session)) {
            batches.push(one);
            await run(batches.length - 1, one.feeds, one.samples);
          }
        else for (const [batch, one] of batches.entries()) await run(batch, one.feeds, one.samples);
      } finally {
        await session.release();
      }
      const later = parts.slice(index + 1).flatMap(({ takes }) => takes);
      await carried.keepOnly(new Set(later.map(({ name }) => name)));
    }
  } finally {
    await carried.close();
  }
  if (batches.length === 0)
    throw new PruneError("bad-calibration", `${model.onnx.name}: calibration gave no sample; give at least one`);
  return {
    statistics: statisticsOf(collectors),
    parts: parts.length,
    largest: Math.max(0, ...parts.map(({ bytes }) => bytes)),
  };
}

/** A use of a weight, and what must be computed for its tap. */
interface SeenUse {
  readonly target: Target;
  readonly use: TargetUse;
  /** The value that must be computed: the activation, where it is read in the main graph. */
  readonly value: Value | null;
  /** The node of the main graph that makes the value, or in whose bodies the weight is used; null for what is fed. */
  readonly node: Node | null;
}

function seenUse(model: Model, target: Target, use: TargetUse): SeenUse {
  let { node } = use;
  if (node.graph === model.graph) return { target, use, value: use.activation, node: use.activation.producer };
  while (node.graph.parent !== null) node = node.graph.parent;
  return { target, use, value: null, node };
}

/** Taps of these uses alone. */
function tapsOf(model: Model, uses: readonly SeenUse[], padding: boolean): TapPlan {
  const byTarget = new Map<Target, TargetUse[]>();
  for (const { target, use } of uses) byTarget.set(target, [...(byTarget.get(target) ?? []), use]);
  const whole = new Map<Target, Target>([...byTarget].map(([target, uses]) => [{ ...target, uses }, target]));
  const { taps, edits } = planTaps(model, [...whole.keys()], { padding, keepOutputs: false });
  const wholeOf = (target: Target) => whole.get(target) as Target;
  return {
    taps: taps.map(({ outputs, targets: [first, ...rest] }) => ({
      outputs,
      targets: [wholeOf(first), ...rest.map(wholeOf)],
    })),
    edits,
  };
}

/** The edits that leave one part of a model, with its taps. */
function partEdits(
  model: Model,
  part: GraphPart,
  { graphs, ...others }: TapPlan["edits"],
  carried: Carried,
): ModelEdits {
  const { onnx, nodes } = model.graph;
  const tapped: GraphEdit = graphs?.get(onnx) ?? {};
  const kept = new Set([...part.initializers].map(({ name }) => name));
  // An initializer that may be overridden is an input too, which must not be left without it.
  for (const { name } of onnx.inputs) kept.add(name);
  const inputs = part.takes.map(({ name }): NewValueInfo => ({ name, ...carried.typeOf(name) }));
  const outputs = part.gives.map(({ name }): NewValueInfo => ({ name, elemType: null, shape: [] }));
  const edit: GraphEdit = {
    ...tapped,
    dropNodes: new Set(nodes.flatMap((node) => (part.nodes.has(node) ? [] : [node.onnx]))),
    keepInitializers: (name) => kept.has(name),
    addInputs: [...(tapped.addInputs ?? []), ...inputs],
    addOutputs: [...(tapped.addOutputs ?? []), ...outputs],
  };
  return { ...others, graphs: new Map([...(graphs ?? []), [onnx, edit]]) };
}

/** Edits of the tensors that a part has; those in nested graphs go with their node. */
function within(model: Model, part: GraphPart, tensors: CollectOptions["tensors"]): CollectOptions["tensors"] {
  const outer = new Set(model.graph.onnx.initializers);
  return new Map([...tensors].filter(([tensor]) => !outer.has(tensor) || part.initializers.has(tensor)));
}
