/**
 * Turns steps of phases into one percentage that never falls. Phases have fixed shares of the
 * whole, rough but honest about what takes long: calibration, where there is any. Calibration and
 * masking come once a pass.
 */
import type { Phase, ProgressEvent, RunControl } from "../progress.js";
import type { Plan } from "./plan.js";

/** Shares of the phases; they count relative to each other. */
const SHARES = { read: 2, calibrate: 70, mask: 13, write: 15 } as const satisfies Partial<Record<Phase, number>>;

/** Progress of one prune. */
export class ProgressMeter {
  private highest = 0;

  /**
   * @param file session file that events name
   * @param calibrated whether there is calibration
   * @param passes how often it is calibrated and masked
   */
  constructor(
    private readonly onProgress: RunControl["onProgress"],
    private readonly file: string,
    private readonly calibrated: boolean,
    private readonly passes: number,
  ) {}

  /** The meter of a file's prune. */
  static of({ name, calibrated, passes }: Plan, onProgress: RunControl["onProgress"]): ProgressMeter {
    return new ProgressMeter(onProgress, name, calibrated, passes);
  }

  /** `done` of `total` steps of a phase; `pass` counts from 0 in the phases that repeat. */
  step(phase: Phase, done: number, total: number, item = "", pass = 0): void {
    if (this.onProgress === undefined) return;
    const within = total > 0 ? Math.min(1, done / total) : 1;
    this.highest = Math.max(this.highest, this.percentAt(phase, within, pass));
    this.onProgress({ phase, file: this.file, done, total, item, percent: this.highest } satisfies ProgressEvent);
  }

  /** The whole is done: `load` or `write` where it was made now, `cache` where it was there. */
  finish(phase: "load" | "write" | "cache"): void {
    this.highest = 100;
    this.step(phase, 1, 1);
  }

  private percentAt(phase: Phase, within: number, pass: number): number {
    const { read, mask, write } = SHARES;
    const calibrate = this.calibrated ? SHARES.calibrate : 0;
    const beforePass = read + ((calibrate + mask) * pass) / this.passes;
    const beforeWrite = read + calibrate + mask;
    const done = {
      read: read * within,
      calibrate: beforePass + (calibrate * within) / this.passes,
      mask: beforePass + (calibrate + mask * within) / this.passes,
      write: beforeWrite + write * within,
      // These are no part of the work: they come before it, after it or instead of it.
      cache: 0,
      load: 0,
      evaluate: 0,
      study: 0,
      search: 0,
    } satisfies Record<Phase, number>;
    return (100 * done[phase]) / (beforeWrite + write);
  }
}
