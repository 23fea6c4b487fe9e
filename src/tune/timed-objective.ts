/** Objectives ready to measure, with what they cost: getting ready, and per candidate. */
import { PruneError } from "../errors.js";
import type { Candidate } from "./candidate.js";
import type { OpenObjective } from "./objective.js";
import { type ObjectiveName, objectiveOf } from "./objectives/index.js";
import type { Subject } from "./subject.js";

/** What an objective costs on this machine. */
export interface ObjectiveCost {
  /** Seconds to get ready. */
  readonly setupSeconds: number;
  /** Median seconds of a candidate, masks included; 0 before the first. */
  readonly secondsPerCandidate: number;
}

/** An open objective that knows what it costs. */
export interface Measuring extends OpenObjective {
  readonly cost: ObjectiveCost;
}

/** An open objective that times itself. */
export class TimedObjective implements Measuring {
  private readonly seconds: number[] = [];

  private constructor(
    readonly name: ObjectiveName,
    private readonly objective: OpenObjective,
    private readonly setupSeconds: number,
    private readonly file: string,
  ) {}

  /** @throws PruneError where the model does not allow the objective; the signal's reason when aborted */
  static async open(name: ObjectiveName, subject: Subject, signal?: AbortSignal): Promise<TimedObjective> {
    const start = performance.now();
    const objective = await objectiveOf(name).open(subject, signal);
    return new TimedObjective(name, objective, (performance.now() - start) / 1000, subject.model.onnx.name);
  }

  /** @throws PruneError `bad-statistics` where the figure is not finite; as the objective; the signal's reason when aborted */
  async measure(candidate: Candidate, signal?: AbortSignal): Promise<number> {
    const start = performance.now();
    const value = await this.objective.measure(candidate, signal);
    // A search would take it for a bad candidate, and JSON would make null of it.
    if (!Number.isFinite(value)) throw notFinite(this.name, value, this.file);
    this.seconds.push((performance.now() - start) / 1000);
    return value;
  }

  get cost(): ObjectiveCost {
    return { setupSeconds: this.setupSeconds, secondsPerCandidate: medianSeconds(this.seconds) };
  }

  close(): Promise<void> {
    return this.objective.close();
  }
}

/** The upper median of what steps took; 0 where there was none. */
export const medianSeconds = (each: readonly number[]): number =>
  [...each].sort((a, b) => a - b)[each.length >> 1] ?? 0;

const notFinite = (objective: ObjectiveName, value: number, file: string) =>
  new PruneError(
    "bad-statistics",
    `${file}: objective ${objective} must be finite for every candidate, but is ${value} for one; the model overflows on the ` +
      "calibration text: tune a float32 file, or calibrate with another text",
    { details: { file, objective } },
  );
