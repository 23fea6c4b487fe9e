/**
 * A study: random candidates, measured by every objective and by the judge. It tells which
 * objective to trust on this model, over all candidates and among the good ones.
 */
import { PruneError } from "../errors.js";
import { type Candidate, candidateKey } from "./candidate.js";
import { spearman } from "./correlation.js";
import type { Judge } from "./judge.js";
import { type LearnedProxy, learnProxy } from "./learned-proxy.js";
import { type ObjectiveName, objectiveOf } from "./objectives/index.js";
import { OPTIMISERS } from "./optimise/index.js";
import type { SearchSpace } from "./space.js";
import type { Subject } from "./subject.js";
import { medianSeconds, type ObjectiveCost, TimedObjective } from "./timed-objective.js";

/** One candidate with all its figures. */
export interface StudyRow {
  readonly candidate: Candidate;
  /** The judge's figure, lower is better. */
  readonly judged: number;
  readonly values: Readonly<Partial<Record<ObjectiveName, number>>>;
  /** What measuring took, masks included. */
  readonly seconds: Readonly<Partial<Record<ObjectiveName | "judge", number>>>;
}

/** How far an objective can be trusted. */
export interface ObjectiveStudy extends ObjectiveCost {
  readonly name: ObjectiveName;
  readonly better: "lower" | "higher";
  /** Spearman's ρ with the judge's figures over all candidates; a good objective whose higher values are better has −1. */
  readonly spearman: number;
  /** The same among the third of the candidates that the judge likes best. */
  readonly spearmanBestThird: number;
}

export interface Study {
  readonly rows: readonly StudyRow[];
  readonly objectives: readonly ObjectiveStudy[];
  /** Objectives that this model does not allow, and why. */
  readonly unsupported: readonly { readonly name: ObjectiveName; readonly reason: string }[];
  /** A combination of the objectives, judged on candidates it was not fitted to. */
  readonly learned: (LearnedProxy & { readonly spearman: number; readonly spearmanBestThird: number }) | null;
  /** Median seconds that the judge takes for a candidate. */
  readonly secondsToJudge: number;
}

export interface StudyOptions {
  readonly subject: Subject;
  readonly judge: Judge;
  readonly space: SearchSpace;
  readonly objectives: readonly ObjectiveName[];
  readonly count: number;
  readonly seed: number;
  /** Rows of an earlier, stopped run with the same options. */
  readonly rows?: readonly StudyRow[];
}

/**
 * Runs a study.
 *
 * @param onRow called after each candidate with all rows so far
 * @throws PruneError from objectives and the judge; the signal's reason when aborted
 */
export async function study(
  options: StudyOptions,
  control: { readonly signal?: AbortSignal; readonly onRow?: (rows: readonly StudyRow[]) => void | Promise<void> } = {},
): Promise<Study> {
  const { subject, judge } = options;
  const { signal, onRow } = control;
  const { open, unsupported } = await openAll(options.objectives, subject, signal);
  try {
    const known = new Map((options.rows ?? []).map((row) => [candidateKey(row.candidate), row]));
    const rows: StudyRow[] = [];
    for (const candidate of randomCandidates(options)) {
      const before = known.get(candidateKey(candidate));
      rows.push(before ?? (await measure(candidate)));
      await onRow?.(rows);
    }
    return {
      rows,
      ...analyse(rows, open),
      unsupported,
      secondsToJudge: medianSeconds(rows.map(({ seconds }) => seconds.judge ?? 0)),
    };

    async function measure(candidate: Candidate): Promise<StudyRow> {
      const values: Partial<Record<ObjectiveName, number>> = {};
      const seconds: Partial<Record<ObjectiveName | "judge", number>> = {};
      const timed = async (name: keyof typeof seconds, figure: () => Promise<number>): Promise<number> => {
        // Each pays for its masks, as it would alone.
        subject.masked.forget();
        const start = performance.now();
        const value = await figure();
        seconds[name] = (performance.now() - start) / 1000;
        return value;
      };
      for (const objective of open)
        values[objective.name] = await timed(objective.name, () => objective.measure(candidate, signal));
      const judged = await timed("judge", () => judge.of(candidate, signal));
      return { candidate, judged, values, seconds };
    }
  } finally {
    await Promise.all(open.map((objective) => objective.close()));
  }
}

/** Uniform over the space: real studies are of the whole of it, not of where a search has been. */
function randomCandidates({ space, count, seed }: StudyOptions): Candidate[] {
  if (space.dimensions.length === 0)
    throw new PruneError("bad-option", "the method has no parameters to study; study one that has, such as crepe");
  const optimiser = OPTIMISERS.random.create({ dimensions: space.dimensions, seed }, undefined);
  const candidates: Candidate[] = [];
  while (candidates.length < count) {
    const points = optimiser.ask();
    candidates.push(...points.map((point) => space.decode(point)));
    optimiser.tell(points.map(() => 0));
  }
  return candidates.slice(0, count);
}

async function openAll(names: readonly ObjectiveName[], subject: Subject, signal?: AbortSignal) {
  const open: TimedObjective[] = [];
  const unsupported: { name: ObjectiveName; reason: string }[] = [];
  try {
    for (const name of names)
      try {
        open.push(await TimedObjective.open(name, subject, signal));
      } catch (error) {
        if (!(error instanceof PruneError && error.code === "unsupported")) throw error;
        unsupported.push({ name, reason: error.message });
      }
    return { open, unsupported };
  } catch (error) {
    await Promise.all(open.map((objective) => objective.close()));
    throw error;
  }
}

function analyse(rows: readonly StudyRow[], open: readonly TimedObjective[]): Pick<Study, "objectives" | "learned"> {
  const figures = rows.map(({ judged }) => judged);
  const best = [...rows].sort((a, b) => a.judged - b.judged).slice(0, Math.ceil(rows.length / 3));
  const isBest = rows.map((row) => best.includes(row));
  const among = (values: readonly number[]) => ({
    spearman: spearman(values, figures),
    spearmanBestThird: spearman(
      values.filter((_, i) => isBest[i]),
      figures.filter((_, i) => isBest[i]),
    ),
  });
  const objectives = open.map(({ name, cost }): ObjectiveStudy => {
    const values = rows.map((row) => row.values[name] as number);
    const secondsPerCandidate = medianSeconds(rows.map(({ seconds }) => seconds[name] ?? 0));
    return { name, better: objectiveOf(name).better, ...cost, secondsPerCandidate, ...among(values) };
  });
  const learned = learnProxy(rows);
  return { objectives, learned: learned && { ...learned, ...among(learned.heldOut) } };
}

/** What the learned combination costs: it measures all its parts. Nothing where there is none. */
export function learnedCost({ objectives, learned }: Study): ObjectiveCost {
  const parts = objectives.filter(({ name }) => learned?.terms.some((term) => term.name === name));
  return {
    setupSeconds: parts.reduce((sum, { setupSeconds }) => sum + setupSeconds, 0),
    secondsPerCandidate: parts.reduce((sum, { secondsPerCandidate }) => sum + secondsPerCandidate, 0),
  };
}
