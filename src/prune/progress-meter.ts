/**
 * Turns steps of phases into one percentage that never falls. Phases have fixed shares of the
 * whole, rough but honest about what takes long: calibration, where there is any.
 */
import type { Phase, ProgressEvent, RunControl } from "../progress.js";

const SHARES: readonly (readonly [Phase, number])[] = [
  ["read", 2],
  ["calibrate", 70],
  ["mask", 13],
  ["write", 15],
];

/** Progress of one prune. */
export class ProgressMeter {
  private highest = 0;

  /** @param parts how many equal parts the whole has (passes of calibration, files) */
  constructor(
    private readonly onProgress: RunControl["onProgress"],
    private readonly file: string,
    private readonly calibrated: boolean,
    private readonly passes: number,
  ) {}

  /** `done` of `total` steps of a phase; `pass` counts from 0 in the phases that repeat. */
  step(phase: Phase, done: number, total: number, item = "", pass = 0): void {
    if (this.onProgress === undefined) return;
    const within = total > 0 ? Math.min(1, done / total) : 1;
    this.highest = Math.max(this.highest, this.percentAt(phase, within, pass));
    this.onProgress({ phase, file: this.file, done, total, item, percent: this.highest } satisfies ProgressEvent);
  }

  private percentAt(phase: Phase, within: number, pass: number): number {
    const shares = SHARES.filter(([name]) => name !== "calibrate" || this.calibrated);
    const whole = shares.reduce((sum, [, share]) => sum + share, 0);
    const before = shares.slice(
      0,
      Math.max(
        0,
        shares.findIndex(([name]) => name === phase),
      ),
    );
    const own = shares.find(([name]) => name === phase)?.[1] ?? 0;
    const repeats = phase === "calibrate" || phase === "mask" ? this.passes : 1;
    const start = before.reduce((sum, [, share]) => sum + share, 0);
    return (100 * (start + (own * (pass + within)) / repeats)) / whole;
  }
}
