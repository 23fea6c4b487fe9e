/**
 * All samples through a model that is cut: into stages, between which weights may change, and these into parts,
 * so that only the weights of one part are in memory. Every part is one session, opened once (one for every
 * stream of states); what crosses a cut is carried. The nodes that run are the same as in one session, and so are their inputs.
 */
import { PruneError } from "../errors.js";
import { cutIntoStages, type GraphPart, type Model, type Node, type Target, type TargetUse } from "../graph/index.js";
import type { GraphEdit, ModelEdits, NewValueInfo, OnnxNode, OnnxTensor } from "../onnx/index.js";
import { mergeEdits } from "../onnx/merge-edits.js";
import type { RawFeeds } from "../options/types.js";
import { openEdited, type RuntimeSession, type RuntimeTensor, takingTurns } from "../runtime/index.js";
import { Carried } from "./carried.js";
import { type CollectControl, type CollectOptions, runSample } from "./collect.js";
import type { Samples } from "./samples.js";
import type { TapPlan } from "./taps.js";

/** What is added to a part, and who takes what the added nodes return. */
export interface PartTaps {
  readonly edits: TapPlan["edits"];
  /** Given the outputs of one run, those of the pruned stream first; frees what it has no use for but the taps' own. */
  readonly add: (outputs: readonly Readonly<Record<string, RuntimeTensor>>[], states: States) => void | Promise<void>;
}

/** A value of a stream, by name, that is on its way across a cut in this run; null where it is not. */
export type States = (stream: number, name: string) => Promise<RuntimeTensor | null>;

/** Targets whose inputs are computed together. */
export interface TappedStage {
  readonly targets: readonly Target[];
  /** Tensors that may be given other values once the stage is done. */
  readonly edited: ReadonlySet<OnnxTensor>;
  /** Taps for some uses of the targets: those in one part. Each given target has only these uses; `wholeOf` gives it with all. */
  readonly tap: (targets: readonly Target[], wholeOf: (target: Target) => Target) => PartTaps;
  /** Called when all samples went through; gives what becomes of the targets. */
  readonly done: () => Promise<ModelEdits>;
}

export interface StageOptions extends CollectOptions {
  /** Most bytes of stored weights that a part may have; one of a single node may have more. */
  readonly mostBytes: number;
  /** Bytes of what crosses cuts that stay in memory. */
  readonly mostInMemory: number;
  /** What else was changed before the first stage, besides `edits`; the model as it was does not have it. */
  readonly changed: ModelEdits;
  /** Whether the samples go through the model as it was as well, beside the one that stages change. */
  readonly hasDense: boolean;
}

/** How the model was cut. */
export interface CutRun {
  readonly parts: number;
  /** Bytes of the weights of the largest part, as they are stored. */
  readonly largest: number;
  /** Most bytes that a part was to have. */
  readonly mostBytes: number;
}

/**
 * Runs the samples through all stages.
 *
 * @throws PruneError `bad-calibration` for samples that cannot be run, or where there are none; `unsupported` where
 *   what crosses a cut is no tensor of numbers; `storage` where it cannot be kept; the signal's reason when aborted
 */
export async function runStages(
  model: Model,
  stages: readonly TappedStage[],
  samples: Samples,
  options: StageOptions,
  control: CollectControl,
): Promise<CutRun> {
  control.signal?.throwIfAborted();
  const uses = stages.map(({ targets }) =>
    targets.flatMap((target) => target.uses.map((use) => seenUse(model, target, use))),
  );
  const cut = cutIntoStages(
    model,
    stages.map(({ edited }, stage) => ({ wanted: wantedBy(uses[stage] ?? []), edited })),
    options.mostBytes,
  );
  const parts = cut.flat();
  const streams = [new Stream(options), ...(options.hasDense ? [new Stream(options)] : [])];
  const [changing] = streams as [Stream, ...Stream[]];
  changing.change(options.changed);
  // Feeds are made by the first part's session; later parts take the same.
  const batches: Batch[] = [];
  try {
    let index = 0;
    for (const [k, stage] of stages.entries()) {
      let left: readonly SeenUse[] = uses[k] ?? [];
      for (const [i, part] of (cut[k] as GraphPart[]).entries()) {
        const isLast = i + 1 === cut[k]?.length;
        const isHere = ({ node }: SeenUse) => isLast || node === null || part.nodes.has(node);
        const taps = tapUses(stage, left.filter(isHere));
        left = left.filter((use) => !isHere(use));
        const count = { index, count: parts.length };
        const made = index === 0 ? samples : null;
        await runPart({
          model,
          part,
          taps,
          streams,
          batches,
          made,
          isOnly: parts.length === 1,
          options,
          control,
          count,
        });
        index++;
        const later = new Set(parts.slice(index).flatMap(({ takes }) => takes.map(({ name }) => name)));
        for (const { carried } of streams) await carried.keepOnly(later);
      }
      changing.change(await stage.done());
    }
  } finally {
    for (const { carried } of streams) await carried.close();
  }
  const { mostBytes } = options;
  return { parts: parts.length, largest: Math.max(0, ...parts.map(({ bytes }) => bytes)), mostBytes };
}

/** Feeds of one run. */
interface Batch {
  readonly feeds: RawFeeds;
  readonly samples: number;
}

/** One model's states on their way. */
class Stream {
  readonly carried: Carried;
  edits: ModelEdits;

  constructor({ mostInMemory, edits }: StageOptions) {
    this.carried = new Carried(mostInMemory);
    this.edits = edits;
  }

  /** Adds changes. A tensor may be given new values again, as the norm of several layers is. */
  change({ tensors, ...others }: ModelEdits): void {
    const { tensors: known, ...before } = this.edits;
    this.edits = mergeEdits({ tensors: new Map([...(known ?? []), ...(tensors ?? [])]) }, before, others);
  }
}

interface PartRun {
  readonly model: Model;
  readonly part: GraphPart;
  readonly taps: PartTaps;
  readonly streams: readonly Stream[];
  /** Filled by the first part. */
  readonly batches: Batch[];
  /** What feeds are made of; null where they are there already. */
  readonly made: Samples | null;
  readonly isOnly: boolean;
  readonly options: StageOptions;
  readonly control: CollectControl;
  readonly count: { readonly index: number; readonly count: number };
}

/** All batches through one part. */
async function runPart(run: PartRun): Promise<void> {
  const { model, part, taps, streams, batches, made, isOnly, options, control, count } = run;
  const { runtime, sessionOptions } = options;
  const sessions: RuntimeSession[] = [];
  try {
    const turns = streams.length > 1 ? takingTurns(sessionOptions) : sessionOptions;
    for (const { carried, edits } of streams) {
      const own = mergeEdits(partEdits(model, part, taps.edits, carried), within(model, part, edits));
      sessions.push(await openEdited(runtime, model.onnx, own, turns));
    }
    let done = 0;
    const runBatch = async (batch: number, { feeds, samples }: Batch) => {
      control.signal?.throwIfAborted();
      const outputs: Record<string, RuntimeTensor>[] = [];
      for (const [s, { carried }] of streams.entries()) {
        const taken: Record<string, RuntimeTensor> = {};
        for (const { name } of part.takes) taken[name] = await carried.take(name, batch, runtime);
        const own = await runSample(sessions[s] as RuntimeSession, { ...feeds, ...taken }, model.onnx.name);
        for (const { name } of part.gives) await carried.put(name, batch, own[name] as RuntimeTensor);
        outputs.push(own);
      }
      const states: States = async (stream, name) =>
        (await streams[stream]?.carried.find(name, batch, runtime)) ?? null;
      await taps.add(outputs, states);
      done += samples;
      control.onSample?.(done, count);
    };
    if (made === null) for (const [batch, one] of batches.entries()) await runBatch(batch, one);
    else
      for await (const one of made.batches(runtime, sessions[0] as RuntimeSession)) {
        if (!isOnly) batches.push(one);
        await runBatch(batches.length - 1, one);
      }
    if (made !== null && done === 0)
      throw new PruneError("bad-calibration", `${model.onnx.name}: calibration gave no sample; give at least one`);
  } finally {
    for (const session of sessions) await session.release();
  }
}

/** A use of a weight, and the node of the main graph that must run for its tap: null for what is fed. */
interface SeenUse {
  readonly target: Target;
  readonly use: TargetUse;
  readonly node: Node | null;
  readonly isNested: boolean;
}

function seenUse(model: Model, target: Target, use: TargetUse): SeenUse {
  let { node } = use;
  if (node.graph === model.graph) return { target, use, node: use.activation.producer, isNested: false };
  while (node.graph.parent !== null) node = node.graph.parent;
  return { target, use, node, isNested: true };
}

/** What must be computed: the activation where it is read in the main graph, else the node in whose bodies it is read. */
const wantedBy = (uses: readonly SeenUse[]) => ({
  values: uses.flatMap(({ use, isNested }) => (isNested ? [] : [use.activation])),
  nodes: uses.flatMap(({ node, isNested }) => (isNested && node !== null ? [node] : [])),
});

/** Taps of these uses alone. */
function tapUses({ tap }: TappedStage, uses: readonly SeenUse[]): PartTaps {
  const byTarget = new Map<Target, TargetUse[]>();
  for (const { target, use } of uses) byTarget.set(target, [...(byTarget.get(target) ?? []), use]);
  const whole = new Map<Target, Target>([...byTarget].map(([target, uses]) => [{ ...target, uses }, target]));
  return tap([...whole.keys()], (target) => whole.get(target) as Target);
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

/** Edits of what a part has; those in nested graphs go with their node. */
function within({ graph }: Model, part: GraphPart, { tensors, graphs, renameNodeOutputs, ...others }: ModelEdits) {
  const outer = new Set(graph.onnx.initializers);
  const dropped = new Set(graph.nodes.flatMap((node) => (part.nodes.has(node) ? [] : [node.onnx])));
  const here = <Value>(map: ReadonlyMap<OnnxNode, Value> | undefined) =>
    new Map([...(map ?? [])].filter(([node]) => !dropped.has(node)));
  const own = graphs?.get(graph.onnx);
  const kept: GraphEdit = { ...own, insertAfter: here(own?.insertAfter) };
  return {
    ...others,
    tensors: new Map([...(tensors ?? [])].filter(([tensor]) => !outer.has(tensor) || part.initializers.has(tensor))),
    ...(graphs && { graphs: new Map([...graphs, ...(own ? ([[graph.onnx, kept]] as const) : [])]) }),
    renameNodeOutputs: here(renameNodeOutputs),
  } satisfies ModelEdits;
}
