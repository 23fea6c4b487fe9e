/**
 * Updates of a file that is calibrated by running its whole model. Whoever runs the model does so once for each group
 * of layers, with what the group reads tapped; between two runs the group is updated. The counterpart of
 * update-model.ts, which runs a file by itself.
 */
import { MomentCollector, planMoments } from "../calibrate/index.js";
import type { Device } from "../compute/index.js";
import type { Target } from "../graph/index.js";
import type { ModelEdits } from "../onnx/index.js";
import { mergeEdits } from "../onnx/merge-edits.js";
import { reconstructionOf } from "../reconstruct/table.js";
import { openProducts, type Runtime, type RuntimeTensor, type SessionOptions } from "../runtime/index.js";
import type { Unfinished } from "../store/index.js";
import { updateGroup } from "./feed-forward-update.js";
import { GroupUpdates, normKey } from "./group-updates.js";
import type { Masked } from "./masks.js";
import type { Plan } from "./plan.js";
import type { ProgressMeter } from "./progress-meter.js";
import { type RepairPlaces, repairPlaces } from "./repair-places.js";
import { groupsOfRuns, notesOfMemory } from "./update-groups.js";
import type { Updates } from "./updated.js";

/** What is to be added to a session, and who takes what that returns. */
export interface SessionTap {
  readonly edits: ModelEdits;
  /** Outputs that are not the model's own. */
  readonly outputNames: ReadonlySet<string>;
  /** Takes the outputs of a run, and frees those that are not the model's own. */
  readonly add: (outputs: Readonly<Record<string, RuntimeTensor>>) => void;
}

/** What updating a group needs. */
export interface RunServices {
  readonly runtime: Runtime;
  readonly sessionOptions: SessionOptions;
  /** Computes the masks of methods that score; null for others. */
  readonly device: Device | null;
  readonly meter: ProgressMeter;
}

/** One file on its way through the runs. */
export class UpdatesByRun {
  private readonly seconds = { calibrate: 0, mask: 0, update: 0 };
  private collector: MomentCollector | null = null;
  private updates: GroupUpdates;
  /** What an earlier pass made of the model. */
  private before: ModelEdits = {};
  private pass = 0;
  private group = 0;

  private constructor(
    private readonly plan: Plan,
    private readonly groups: readonly (readonly Target[])[],
    private readonly places: RepairPlaces,
    private readonly unfinished: Unfinished,
  ) {
    this.updates = this.ofPass();
  }

  /**
   * Begins behind the last group that was put aside.
   *
   * @param unfinished where finished groups are put aside
   */
  static async begin(plan: Plan, unfinished: Unfinished): Promise<UpdatesByRun> {
    const own = new UpdatesByRun(plan, groupsOfRuns(plan), await repairPlaces(plan), unfinished);
    await own.skipFinished();
    return own;
  }

  /** Whether no run is needed any more. */
  get isDone(): boolean {
    return this.group === this.groups.length;
  }

  /**
   * What the file's session needs in the next run: the model as this run is to see it, with taps for the next group.
   *
   * @throws PruneError as `planTaps`
   */
  tap(): SessionTap {
    const edits = this.plan.options.sequential === null ? this.before : this.updates.edits();
    if (this.isDone) return { edits, outputNames: new Set(), add: () => {} };
    const group = this.groups[this.group] as readonly Target[];
    const plan = planMoments(this.plan.model, group, { padding: true, keepOutputs: true });
    const collector = new MomentCollector(plan.taps);
    this.collector = collector;
    return {
      edits: mergeEdits(plan.edits, edits),
      outputNames: collector.outputNames,
      add: (outputs) => collector.add(outputs),
    };
  }

  /** The model as it was pruned, for runs that calibrate others. */
  pruned(): SessionTap {
    return { edits: this.updates.edits(), outputNames: new Set(), add: () => {} };
  }

  /** Says how far the run is. */
  onRun(meter: ProgressMeter, done: number, total: number, item: string): void {
    const { length: count } = this.groups;
    const of = count > 1 ? `group ${this.group + 1} of ${count}, ` : "";
    meter.step("calibrate", this.group * total + done, count * total, `${of}${item}`, this.pass);
  }

  /**
   * Updates the group whose run is over.
   *
   * @param seconds that the run took
   * @throws PruneError `bad-calibration` where a weight saw no token; as `updateGroup`; the signal's reason
   */
  async finishRun({ runtime, sessionOptions, device, meter }: RunServices, seconds: number): Promise<void> {
    const { plan, places, collector } = this;
    if (collector === null) return;
    this.collector = null;
    this.seconds.calibrate += seconds;
    const start = performance.now();
    const group = this.groups[this.group] as readonly Target[];
    const input = { moments: collector.moments(), rows: new Map(), dense: null };
    let done = this.groups.slice(0, this.group).flat().length;
    const onWeight = ({ name }: Target) => meter.step("update", ++done, plan.targets.length, name, this.pass);
    const products = openProducts(runtime, sessionOptions);
    try {
      const context = { norms: places.norms, feedForwards: { blocks: [], notes: [] } };
      const layers = await updateGroup(plan, group, input, context, { device, products, onWeight });
      await this.updates.finish(this.group++, layers);
    } finally {
      await products.release();
    }
    this.seconds.update += (performance.now() - start) / 1000;
    await this.skipFinished();
  }

  /** The whole file, when no run is needed any more. */
  masked(): Masked {
    const updates = this.updates.updates();
    return {
      masks: this.updates.masks(),
      updates: { ...updates, ...this.wayOfRuns(updates) },
      statistics: this.updates.counts(),
      seconds: this.seconds,
    };
  }

  private async skipFinished(): Promise<void> {
    for (;;) {
      while (!this.isDone && (await this.updates.restore(this.group, this.groups[this.group] ?? []))) this.group++;
      if (!this.isDone || this.pass + 1 === this.plan.passes) return;
      this.before = this.updates.edits();
      this.pass++;
      this.group = 0;
      this.updates = this.ofPass();
    }
  }

  private ofPass(): GroupUpdates {
    return new GroupUpdates(
      this.plan,
      new Map(this.places.norms.map((one) => [normKey(one), one])),
      this.unfinished,
      this.pass,
    );
  }

  /** Where runs of the whole model cannot do what samples through a file can. */
  private wayOfRuns({ notes }: Updates): Pick<Updates, "notes" | "instead"> {
    const { sequential, target, reconstruct } = this.plan.options;
    const { length: count } = this.groups;
    const isByBlock = sequential === "input";
    const instead = {
      ...(isByBlock && { sequential: count }),
      ...(target === "outputs" && { target: "weights" as const }),
    };
    const why = "because the whole model is run to calibrate";
    return {
      notes: [
        ...this.places.notes,
        ...notes,
        ...notesOfMemory(this.plan, this.groups, { areRuns: true }),
        ...(isByBlock ? [`sequential by ${count} blocks and not by each activation, ${why}`] : []),
        ...(target === "outputs"
          ? [`layers were held to their own weights and not to the dense model's outputs, ${why}`]
          : []),
        ...(reconstruct !== null && reconstructionOf(reconstruct).unit === "feed-forward"
          ? [`feed-forward blocks were updated layer by layer and not as one, ${why}`]
          : []),
      ],
      instead,
    };
  }
}
