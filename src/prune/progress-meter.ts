/**
 * Turns steps of phases into one percentage that never falls. Phases have fixed shares of the
 * whole, rough but honest about what takes long: calibration and updates of weights, where there are
 * any. They, and masking, come once a pass, and may take turns within it.
 */
import type { CollectControl } from "../calibrate/index.js";
import type { Phase, ProgressEvent, RunControl } from "../progress.js";
import type { Plan } from "./plan.js";
import { movesWeights } from "./plan.js";

/** Shares of the phases; they count relative to each other. */
const SHARES = { read: 2, calibrate: 70, mask: 13, update: 70, write: 15 } as const satisfies Partial<
  Record<Phase, number>
>;

/** Phases that make up the percentage. */
type Share = keyof typeof SHARES;
const isShare = (phase: Phase): phase is Share => Object.hasOwn(SHARES, phase);

/** What a prune consists of. */
interface Work {
  readonly calibrated: boolean;
  readonly updated: boolean;
  readonly passes: number;
}

/** Progress of one prune. */
export class ProgressMeter {
  private highest = 0;
  private readonly done: Record<Share, number> = { read: 0, calibrate: 0, mask: 0, update: 0, write: 0 };

  /**
   * @param file session file that events name
   * @param work whether there is calibration, whether weights are updated, and how often all that comes
   */
  constructor(
    private readonly onProgress: RunControl["onProgress"],
    private readonly file: string,
    private readonly work: Work,
  ) {}

  /** The meter of a file's prune. */
  static of(plan: Plan, onProgress: RunControl["onProgress"]): ProgressMeter {
    const { name, calibrated, passes, options } = plan;
    return new ProgressMeter(onProgress, name, { calibrated, updated: movesWeights(options), passes });
  }

  /** `done` of `total` steps of a phase; `pass` counts from 0 in the phases that repeat. */
  step(phase: Phase, done: number, total: number, item = "", pass = 0): void {
    if (this.onProgress === undefined) return;
    const within = total > 0 ? Math.min(1, done / total) : 1;
    if (isShare(phase)) this.note(phase, within, pass);
    this.highest = Math.max(this.highest, this.percent());
    this.onProgress({ phase, file: this.file, done, total, item, percent: this.highest } satisfies ProgressEvent);
  }

  /**
   * Listens to a calibration, part after part of the model. It begins at once: before the first sample is through
   * there is a session to be opened, which may take a while.
   *
   * @param total samples; null for a stream, whose bar stands still while the count goes on, but for the steps of parts
   */
  samples(total: number | null, pass = 0): NonNullable<CollectControl["onSample"]> {
    this.step("calibrate", 0, total ?? 1, "", pass);
    return (done, { index, count } = { index: 0, count: 1 }) => {
      const [step, steps] = total === null ? [index, count] : [index * total + done, count * total];
      this.step("calibrate", step, steps, `${count > 1 ? `part ${index + 1} of ${count}, ` : ""}sample ${done}`, pass);
    };
  }

  /** The whole is done: `load` or `write` where it was made now, `cache` where it was there. */
  finish(phase: "load" | "write" | "cache"): void {
    this.highest = 100;
    this.step(phase, 1, 1);
  }

  /** What comes before a phase is done by then; updates and masks take turns with calibration. */
  private note(phase: Share, within: number, pass: number): void {
    const { passes } = this.work;
    const repeats = phase === "calibrate" || phase === "mask" || phase === "update";
    this.done[phase] = repeats ? (pass + within) / passes : within;
    if (phase === "write") this.done.calibrate = this.done.mask = this.done.update = 1;
    else if (phase !== "read") this.done.read = 1;
    if (phase === "mask" && !this.work.updated) this.done.calibrate = (pass + 1) / passes;
  }

  private percent(): number {
    const { calibrated, updated } = this.work;
    const shares = { ...SHARES, calibrate: calibrated ? SHARES.calibrate : 0, update: updated ? SHARES.update : 0 };
    const all = Object.keys(SHARES) as Share[];
    const whole = all.reduce((sum, phase) => sum + shares[phase], 0);
    return (100 * all.reduce((sum, phase) => sum + shares[phase] * this.done[phase], 0)) / whole;
  }
}
