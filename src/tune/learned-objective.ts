/** The combination of objectives that a study found, as an objective. */
import type { Candidate } from "./candidate.js";
import { type LearnedProxy, predict } from "./learned-proxy.js";
import type { StudyRow } from "./study.js";
import type { Subject } from "./subject.js";
import { type Measuring, type ObjectiveCost, TimedObjective } from "./timed-objective.js";

/** Measures every objective of the combination; its value is the rank that they let expect, 0 best. */
export class LearnedObjective implements Measuring {
  private constructor(
    private readonly proxy: LearnedProxy,
    private readonly parts: readonly TimedObjective[],
  ) {}

  /** @throws PruneError as its parts; the signal's reason when aborted */
  static async open(proxy: LearnedProxy, subject: Subject, signal?: AbortSignal): Promise<LearnedObjective> {
    const parts: TimedObjective[] = [];
    try {
      for (const { name } of proxy.terms) parts.push(await TimedObjective.open(name, subject, signal));
      return new LearnedObjective(proxy, parts);
    } catch (error) {
      await Promise.all(parts.map((part) => part.close()));
      throw error;
    }
  }

  async measure(candidate: Candidate, signal?: AbortSignal): Promise<number> {
    const values: Partial<Record<string, number>> = {};
    for (const part of this.parts) values[part.name] = await part.measure(candidate, signal);
    return predict(this.proxy, values as StudyRow["values"]);
  }

  get cost(): ObjectiveCost {
    const costs = this.parts.map(({ cost }) => cost);
    return {
      setupSeconds: costs.reduce((sum, { setupSeconds }) => sum + setupSeconds, 0),
      secondsPerCandidate: costs.reduce((sum, { secondsPerCandidate }) => sum + secondsPerCandidate, 0),
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.parts.map((part) => part.close()));
  }
}
