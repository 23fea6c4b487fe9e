/**
 * A walk through a model, group after group of its weights: the graph is cut where each group's inputs are
 * known, all samples go through one part after another, and between two parts the weights of a group may change.
 * So later groups see what became of earlier ones at the price of one forward pass in all (`sequential`); and
 * only the second moments of one group are in memory, whether or not anything changes.
 */
import type { Model, Target, Value } from "../graph/index.js";
import type { Dense, Products } from "../linalg/products.js";
import type { ModelEdits, OnnxTensor } from "../onnx/index.js";
import type { RuntimeTensor } from "../runtime/index.js";
import { CARRIED_IN_MEMORY } from "./carried-memory.node.js";
import type { CollectControl, CollectOptions } from "./collect.js";
import { MomentCollector, type MomentTap, momentsOf, planMoments, type TargetMoments, tapsOfWhole } from "./moments.js";
import { perTarget } from "./per-target.js";
import { CrossProduct, FirstRows, ResidualProduct } from "./rows.js";
import { type CutRun, type PartTaps, runStages, type States, type TappedStage } from "./run-stages.js";
import type { Samples } from "./samples.js";

/** What else is wanted than the second moments of the model as it changes. */
export interface WalkOptions extends CollectOptions {
  /** Most bytes of stored weights that a part may have; all where absent. Then what crosses cuts waits in files. */
  readonly mostBytes?: number;
  /** Tensors that the visit of a group may change; those of its weights where absent. */
  readonly edited?: (group: readonly Target[]) => Iterable<OnnxTensor>;
  /**
   * What groups that are not walked again were given before, besides `edits`: by it, a walk that was broken
   * off goes on with the groups that are left.
   */
  readonly changed?: ModelEdits;
  /** Whether the samples go through the model as it was as well, and the products for its moments with the changed one. */
  readonly dense?: {
    readonly products: Products;
    /** What the outputs of targets are added to, by target: how far that differs is told as well. */
    readonly residuals?: ReadonlyMap<Target, Value>;
  };
  /** Targets whose inputs themselves are wanted, and of how many tokens at most: the first ones. */
  readonly rows?: { readonly of: ReadonlySet<Target>; readonly mostTokens: number };
}

/** What enters the layers of a group. Targets that read the same share one object. */
export interface GroupInput {
  /** Moments of x', what comes out of the groups before as they are now. */
  readonly moments: TargetMoments;
  /** Inputs themselves, [tokens, in], where they were asked for; padding left out. */
  readonly rows: ReadonlyMap<Target, Dense>;
  /** The same of the model as it was, where that was asked for. */
  readonly dense: {
    /** Moments of x. */
    readonly moments: TargetMoments;
    /** Σ x' xᵀ, [in of x', in of x]. */
    readonly cross: ReadonlyMap<Target, Dense<Float64Array>>;
    readonly rows: ReadonlyMap<Target, Dense>;
    /** Σ (r − r') x'ᵀ, [out, in of x'], of targets whose residual r is known before they are. */
    readonly residuals: ReadonlyMap<Target, Dense<Float64Array>>;
  } | null;
}

/**
 * Given a group and what enters it, returns what becomes of it, which later groups see; nothing where they are to see
 * the model as it is.
 */
export type VisitGroup = (
  group: readonly Target[],
  input: GroupInput,
  index: number,
) => Promise<ModelEdits | undefined>;

/**
 * Walks through the groups in order. One group is one session and carries nothing.
 *
 * @param groups as `groupsOf` makes them
 * @throws PruneError as `collectMoments`; `unsupported` where what crosses a cut is no tensor of numbers; `storage`
 *   where it cannot be kept
 * @throws TypeError where a visit changes a tensor that `edited` does not name: nodes that read it ran already
 */
export async function walkGroups(
  model: Model,
  groups: readonly (readonly Target[])[],
  samples: Samples,
  options: WalkOptions,
  visit: VisitGroup,
  control: CollectControl,
): Promise<CutRun> {
  const { mostBytes, dense, edited: editedOf = (group) => group.map(({ tensor }) => tensor) } = options;
  const stages = groups.map((group, index): TappedStage => {
    const edited = new Set(editedOf(group));
    // From the group's first part to its visit: one group's moments are in memory at a time.
    let collected: GroupCollectors | null = null;
    return {
      targets: group,
      edited,
      tap: (here, wholeOf) => {
        collected ??= new GroupCollectors(model, samples.padding, options);
        return collected.tap(here, wholeOf);
      },
      done: async () => {
        const input = (collected as GroupCollectors).input();
        collected = null;
        const edits = (await visit(group, input, index)) ?? {};
        for (const tensor of edits.tensors?.keys() ?? [])
          if (!edited.has(tensor)) throw new TypeError(`"${tensor.name}" is not among the tensors that may change`);
        return edits;
      },
    };
  });
  const cut = {
    ...options,
    mostBytes: mostBytes ?? Number.POSITIVE_INFINITY,
    mostInMemory: mostBytes === undefined ? CARRIED_IN_MEMORY.plain : CARRIED_IN_MEMORY.saving,
    hasDense: dense !== undefined,
    changed: options.changed ?? {},
  };
  return runStages(model, stages, samples, cut, control);
}

/** What is counted of one group, whose inputs may be computed in several parts. */
class GroupCollectors {
  /** One for each part. */
  private readonly parts: PartCollectors[] = [];

  constructor(
    private readonly model: Model,
    private readonly padding: boolean,
    private readonly options: WalkOptions,
  ) {}

  tap(here: readonly Target[], wholeOf: (target: Target) => Target): PartTaps {
    const { dense, rows } = this.options;
    const ofRows = here.filter((target) => dense !== undefined || rows?.of.has(wholeOf(target)));
    const options = { padding: this.padding, keepOutputs: false, rowsOf: new Set(ofRows) };
    const plan = planMoments(this.model, here, options);
    const part = new PartCollectors(tapsOfWhole(plan.taps, wholeOf), this.options);
    this.parts.push(part);
    return { edits: plan.edits, add: (outputs, states) => part.add(outputs, states) };
  }

  input(): GroupInput {
    const { dense } = this.options;
    const stream = (index: number) => ({
      moments: momentsOf(this.parts.flatMap(({ streams }) => streams[index]?.moments ?? [])),
      rows: perTarget(
        this.parts.flatMap(({ streams, taps }) => entriesOf(taps, streams[index]?.rows ?? [])),
        FirstRows.joined,
      ),
    });
    const cross = () =>
      perTarget(
        this.parts.flatMap(({ taps, cross }) => entriesOf(taps, cross)),
        CrossProduct.joined,
      );
    const residuals = new Map(
      this.parts.flatMap(({ residuals }) =>
        residuals.flatMap((one) => (one.sum === null ? [] : [[one.target, one.sum]])),
      ),
    );
    return { ...stream(0), dense: dense === undefined ? null : { ...stream(1), cross: cross(), residuals } };
  }
}

/** What is counted of the taps in one part. */
class PartCollectors {
  /** The model as it changes, and where it is wanted as it was. */
  readonly streams: readonly { readonly moments: MomentCollector; readonly rows: readonly (FirstRows | null)[] }[];
  readonly cross: readonly CrossProduct[];
  readonly residuals: readonly ResidualProduct[];

  constructor(
    readonly taps: readonly MomentTap[],
    { dense, rows }: WalkOptions,
  ) {
    const wanted = ({ targets }: MomentTap) => rows !== undefined && targets.some((target) => rows.of.has(target));
    const stream = () => ({
      moments: new MomentCollector(taps),
      rows: taps.map((tap) => (wanted(tap) ? new FirstRows(channelsOf(tap), rows?.mostTokens ?? 0) : null)),
    });
    this.streams = dense === undefined ? [stream()] : [stream(), stream()];
    this.cross = dense === undefined ? [] : taps.map((tap) => new CrossProduct(channelsOf(tap), dense.products));
    this.residuals = taps.flatMap(({ targets, outputs: { rows } }) =>
      targets.flatMap((target) => {
        const value = dense?.residuals?.get(target);
        return dense === undefined || value === undefined || rows === null
          ? []
          : [new ResidualProduct(target, value.name, rows, dense.products)];
      }),
    );
  }

  async add(outputs: readonly Readonly<Record<string, RuntimeTensor>>[], states: States): Promise<void> {
    const [changed = {}, dense = {}] = outputs;
    for (const residual of this.residuals) await residual.add(changed, states);
    for (const [k, { outputs: names }] of this.taps.entries()) {
      await this.cross[k]?.add(changed, dense, names);
      for (const [s, { rows }] of this.streams.entries()) rows[k]?.add(outputs[s] ?? {}, names);
    }
    // Frees what it adds.
    for (const [s, { moments }] of this.streams.entries()) moments.add(outputs[s] ?? {});
  }
}

const channelsOf = ({ targets: [{ shape }] }: MomentTap): number => shape.in;

/** What belongs to each tap's targets. */
const entriesOf = <Part>(taps: readonly MomentTap[], parts: readonly (Part | null)[]): (readonly [Target, Part])[] =>
  taps.flatMap(({ targets }, k) => {
    const part = parts[k] ?? null;
    return part === null ? [] : targets.map((target) => [target, part] as const);
  });
