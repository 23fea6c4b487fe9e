/**
 * PHO, from a model that is ready to be tuned to coefficients: a study if one is asked for, a search by
 * a cheap objective, and real perplexity to decide between the best candidates, RIA and Wanda.
 */
import { PruneError } from "../errors.js";
import type { Pattern } from "../pattern/index.js";
import { type MethodName, methodOf } from "../score/index.js";
import { type Candidate, candidateKey } from "./candidate.js";
import { LearnedObjective } from "./learned-objective.js";
import { type ObjectiveName, objectiveOf } from "./objectives/index.js";
import type { OptimiserName } from "./optimise/index.js";
import type { Finalist, SearchedObjective, TuneReport } from "./report.js";
import { bestApart, type SearchState, type SearchStep, search } from "./search.js";
import { type Granularity, searchSpace } from "./space.js";
import { type Study, type StudyRow, study } from "./study.js";
import type { Subject } from "./subject.js";
import { type Measuring, TimedObjective } from "./timed-objective.js";
import type { Trial } from "./trial.js";

/** Where a search begins. Everything is plain data that survives JSON. */
export interface TuneState {
  readonly studyRows: readonly StudyRow[];
  /** A search is gone on with only by the same settings; a study and perplexities serve any. */
  readonly search: { readonly settings: string; readonly state: SearchState } | null;
  /** Real perplexities, see `Trial.results`. */
  readonly perplexities: Readonly<Record<string, number>>;
}

/** An objective by name; `"learned"`: the study's combination; `"measured"`: what followed perplexity best in the study. */
export type ObjectiveChoice = ObjectiveName | "learned" | "measured";

export interface TuneSettings {
  readonly objective: ObjectiveChoice;
  readonly optimiser: OptimiserName;
  /** Candidates that the search measures. */
  readonly evaluations: number;
  readonly seed: number;
  readonly granularity: Granularity;
  /** Most calibration passes of a candidate. */
  readonly passes: number;
  /** Candidates of the study; 0: no study. */
  readonly study: number;
  /** Objectives that the study measures. */
  readonly studied: readonly ObjectiveName[];
  /** Best candidates of the search that are measured for real, at least 1. */
  readonly finalists: number;
  /** RIA and Wanda as a user would get them: their patterns differ in scope. */
  readonly baselines: Readonly<Record<"ria" | "wanda", Pattern>>;
}

/** What a tuning says while it runs. */
export interface TuneListener {
  readonly onStudy?: (done: number) => void;
  readonly onStep?: (step: SearchStep, done: number) => void;
  readonly onTrial?: (done: number, total: number) => void;
  /** Called whenever something has been measured, with all that a later run needs to go on. */
  readonly onState?: (state: TuneState) => void | Promise<void>;
}

/** The part of the report that comes from here. */
export type Tuned = Pick<
  TuneReport,
  "objective" | "dimensions" | "steps" | "finalists" | "chosen" | "accepted" | "perplexity" | "study"
> & { readonly seconds: Readonly<Record<"study" | "search" | "check", number>> };

/** Distance in the unit cube, by the largest coordinate, from which candidates count as different. */
const APART = 0.1;

/**
 * Tunes.
 *
 * @param state of an earlier, stopped run with the same subject, texts and settings
 * @throws PruneError `bad-option` where a choice of objective needs a study that was not asked for;
 *   from objectives and trials; the signal's reason when aborted, after `onState` heard of all measured
 */
export async function tune(
  subject: Subject,
  trial: Trial,
  settings: TuneSettings,
  control: TuneListener & { readonly signal?: AbortSignal } = {},
  state: TuneState | null = null,
): Promise<Tuned> {
  const { signal, onState } = control;
  const { plan } = subject;
  const { method } = plan.options;
  const space = searchSpace(method, plan.pattern, settings.granularity, settings.passes);
  const searched = JSON.stringify(searchOf(settings));
  const before = state?.search?.settings === searched ? state.search : null;
  const current = { studyRows: state?.studyRows ?? [], search: before };
  const saved = () => onState?.({ ...current, perplexities: trial.results });

  // Needed in the end, and measured first: a model that has no perplexity is refused before the work.
  const dense = await trial.dense(signal);
  const studyStart = performance.now();
  const studied = settings.study > 0 ? await runStudy() : null;
  const searchStart = performance.now();
  const { objective, measuring } = await openObjective(settings.objective, studied, subject, signal);
  const starts = startsOf(method, plan.pattern);
  let steps: readonly SearchStep[];
  try {
    steps = await search(
      (candidate) => measuring.measure(candidate, signal),
      {
        space,
        optimiser: settings.optimiser,
        better: objective.better,
        evaluations: settings.evaluations,
        seed: settings.seed,
        starts,
        ...(before && { state: before.state }),
      },
      {
        ...(signal && { signal }),
        onStep: async (step, searchState) => {
          const now = searchState();
          current.search = { settings: searched, state: now };
          control.onStep?.(step, now.steps.length);
          await saved();
        },
      },
    );
  } finally {
    await measuring.close();
  }
  const checkStart = performance.now();
  const decision = await decide();
  const end = performance.now();
  return {
    objective: { ...objective, ...measuring.cost },
    dimensions: space.names,
    steps,
    ...decision,
    study: studied,
    seconds: {
      study: (searchStart - studyStart) / 1000,
      search: (checkStart - searchStart) / 1000,
      check: (end - checkStart) / 1000,
    },
  };

  async function runStudy(): Promise<Study> {
    // Studies are of the method as a whole: a space of many dimensions cannot be sampled with a few candidates.
    const whole = searchSpace(method, plan.pattern, { by: "model" }, 1);
    const { study: count, studied: objectives, seed } = settings;
    return study(
      { subject, trial, space: whole, objectives, count, seed, rows: current.studyRows },
      {
        ...(signal && { signal }),
        onRow: async (rows) => {
          // Rows that are known already come first; none of them is forgotten meanwhile.
          if (rows.length > current.studyRows.length) current.studyRows = [...rows];
          control.onStudy?.(rows.length);
          await saved();
        },
      },
    );
  }

  /** Real perplexity of everything that could be kept. */
  async function decide(): Promise<Pick<Tuned, "finalists" | "chosen" | "accepted" | "perplexity">> {
    const best = bestApart(steps, settings.finalists, { space, better: objective.better, distance: APART });
    let total = 3 + best.length;
    let done = 0;
    const perplexityOf = async (candidate: Candidate): Promise<number> => {
      const perplexity = await trial.perplexityOf(candidate, signal);
      control.onTrial?.(++done, total);
      await saved();
      return perplexity;
    };
    control.onTrial?.(++done, total);
    const baseline = async (name: "ria" | "wanda") =>
      perplexityOf({ method: name, pattern: settings.baselines[name], coefficients: { all: {} }, passes: 1 });
    const [ria, wanda] = [await baseline("ria"), await baseline("wanda")];
    const finalists: Finalist[] = [];
    const add = async (from: Finalist["from"], candidate: Candidate, value: number | null) =>
      finalists.push({ from, candidate, value, perplexity: await perplexityOf(candidate) });
    const isStart = new Set(starts.map(candidateKey));
    for (const { candidate, value } of best)
      await add(isStart.has(candidateKey(candidate)) ? "start" : "search", candidate, value);
    // Where the search has lost, what it started from may still be the best there is.
    if (finalists.every(({ perplexity }) => perplexity >= Math.min(ria, wanda))) {
      const among = new Set(finalists.map(({ candidate }) => candidateKey(candidate)));
      const others = starts.filter((start) => !among.has(candidateKey(start)));
      const values = new Map(steps.map(({ candidate, value }) => [candidateKey(candidate), value]));
      total += others.length;
      for (const start of others) await add("start", start, values.get(candidateKey(start)) ?? null);
    }
    finalists.sort((a, b) => a.perplexity - b.perplexity);
    const chosen = finalists[0] as Finalist;
    return {
      finalists,
      chosen,
      accepted: chosen.perplexity < Math.min(ria, wanda),
      perplexity: { dense, ria, wanda, tuned: chosen.perplexity },
    };
  }
}

/** All that decides the figures of a search and their order. What a study finds depends on how many candidates it has. */
function searchOf({ objective, optimiser, granularity, passes, study }: TuneSettings): readonly unknown[] {
  const isFound = objective === "learned" || objective === "measured";
  return [objective, optimiser, granularity, passes, ...(isFound ? [study] : [])];
}

/** What the method's row names as points to start from, with the pattern to tune. */
function startsOf(method: MethodName, pattern: Pattern): Candidate[] {
  return methodOf(method).starts.map((all) => ({ method, pattern, coefficients: { all }, passes: 1 }));
}

async function openObjective(
  choice: ObjectiveChoice,
  studied: Study | null,
  subject: Subject,
  signal?: AbortSignal,
): Promise<{ objective: Omit<SearchedObjective, "setupSeconds" | "secondsPerCandidate">; measuring: Measuring }> {
  const name = choice === "measured" ? bestMeasured(studied) : choice;
  if (name === "learned") {
    if (studied?.learned == null) throw needsStudy("learned", studied);
    const measuring = await LearnedObjective.open(studied.learned, subject, signal);
    return { objective: { name, better: "lower", spearman: studied.learned.spearman }, measuring };
  }
  const spearman = studied?.objectives.find((one) => one.name === name)?.spearman ?? null;
  const measuring = await TimedObjective.open(name, subject, signal);
  return { objective: { name, better: objectiveOf(name).better, spearman }, measuring };
}

/** What followed perplexity best, the learned combination included. Its value for choosing is |ρ| over all candidates. */
function bestMeasured(studied: Study | null): ObjectiveName | "learned" {
  if (studied === null) throw needsStudy("measured", studied);
  const agreement = ({ better, spearman }: { better: "lower" | "higher"; spearman: number }) =>
    Number.isNaN(spearman) ? -1 : better === "lower" ? spearman : -spearman;
  const rows: { name: ObjectiveName | "learned"; value: number }[] = studied.objectives.map((one) => ({
    name: one.name,
    value: agreement(one),
  }));
  if (studied.learned !== null)
    rows.push({ name: "learned", value: agreement({ better: "lower", spearman: studied.learned.spearman }) });
  const [best] = rows.sort((a, b) => b.value - a.value);
  if (best === undefined) throw needsStudy("measured", studied);
  return best.name;
}

const needsStudy = (choice: string, studied: Study | null) =>
  new PruneError(
    "bad-option",
    studied === null
      ? `objective "${choice}" is what a study finds; ask for a study, or name an objective`
      : `the study of ${studied.rows.length} candidates is too small for objective "${choice}"; ask for more, or name an objective`,
    { details: { option: "objective" } },
  );
