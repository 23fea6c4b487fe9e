/**
 * PHO, from a model that is ready to be tuned to coefficients: a study if one is asked for, a search by
 * a cheap objective, and a judge to decide between the best candidates, RIA and Wanda.
 */
import type { Pattern } from "../pattern/index.js";
import { scoreMethod } from "../prune/index.js";
import { type MethodName, methodOf } from "../score/index.js";
import { type Candidate, candidateKey } from "./candidate.js";
import type { Judge } from "./judge.js";
import type { ObjectiveName } from "./objectives/index.js";
import { type ObjectiveChoice, openObjective } from "./open-objective.js";
import type { OptimiserName } from "./optimise/index.js";
import type { Finalist, TuneReport } from "./report.js";
import { bestApart, type SearchState, type SearchStep, search } from "./search.js";
import { type Granularity, searchSpace } from "./space.js";
import { type Study, type StudyRow, study } from "./study.js";
import type { Subject } from "./subject.js";
import { medianSeconds } from "./timed-objective.js";

/** Where a search begins. Everything is plain data that survives JSON. */
export interface TuneState {
  readonly studyRows: readonly StudyRow[];
  /** A search is gone on with only by the same settings; a study and the judge's figures serve any. */
  readonly search: {
    readonly settings: string;
    readonly state: SearchState;
    /** Steps that were there before this stage of the search. */
    readonly before: number;
  } | null;
  /** See `Judge.results`. */
  readonly judged: Judge["results"];
}

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
  /** Best candidates of the search that are judged, at least 1. */
  readonly finalists: number;
  /** RIA and Wanda as a user would get them: their patterns differ in scope. */
  readonly baselines: Readonly<Record<"ria" | "wanda", Pattern>>;
}

/** What a tuning says while it runs. */
export interface TuneListener {
  /** Of the dense model, RIA and Wanda, which are judged first: 1 … 3. */
  readonly onBaseline?: (done: number) => void;
  readonly onStudy?: (done: number) => void;
  readonly onStep?: (step: SearchStep, done: number) => void;
  readonly onJudged?: (done: number, total: number) => void;
  /** Called whenever something has been measured, with all that a later run needs to go on. */
  readonly onState?: (state: TuneState) => void | Promise<void>;
}

/** The part of the report that comes from here. */
export type Tuned = Pick<
  TuneReport,
  "objective" | "dimensions" | "steps" | "finalists" | "chosen" | "accepted" | "judged" | "study"
> & { readonly seconds: Readonly<Record<"study" | "search" | "check", number>> };

/** Share of the evaluations that a search by parts spends on the model as a whole first. */
const WHOLE_SHARE = 1 / 3;
/** Initial step of a search that begins at what another has found. */
const LATER_STEP = 0.1;

/** Distance in the unit cube, by the largest coordinate, from which candidates count as different. */
const APART = 0.1;

/**
 * Tunes.
 *
 * @param state of an earlier, stopped run with the same subject, texts and settings
 * @throws PruneError `bad-option` where a choice of objective needs a study that was not asked for;
 *   from objectives and the judge; the signal's reason when aborted, after `onState` heard of all measured
 */
export async function tune(
  subject: Subject,
  judge: Judge,
  settings: TuneSettings,
  control: TuneListener & { readonly signal?: AbortSignal } = {},
  state: TuneState | null = null,
): Promise<Tuned> {
  const { signal, onState } = control;
  const { plan } = subject;
  const method = scoreMethod(plan);
  const began = performance.now();
  const space = searchSpace(method, plan.pattern, settings.granularity, settings.passes);
  const stages = stagesOf(settings, method, plan.pattern);
  const before = state?.search && stages.some(({ name }) => name === state.search?.settings) ? state.search : null;
  const current = { studyRows: state?.studyRows ?? [], search: before };
  const saved = () => onState?.({ ...current, judged: judge.results });

  // Needed in the end, and measured first: what cannot be judged is refused before the work.
  const dense = await judge.dense(signal);
  control.onBaseline?.(1);
  const baseline = async (name: "ria" | "wanda", done: number) => {
    const one = { method: name, pattern: settings.baselines[name], coefficients: { all: {} }, passes: 1 };
    const figure = await judge.of(one, signal);
    control.onBaseline?.(done);
    return figure;
  };
  const [ria, wanda] = [await baseline("ria", 2), await baseline("wanda", 3)];
  await saved();
  const baselineSeconds = (performance.now() - began) / 1000;
  const studied = settings.study > 0 ? await runStudy() : null;
  const { objective, measuring } = await openObjective(settings.objective, studied, subject, signal);
  const studiedBest = studied === null ? [] : [bestStudied(studied)];
  const starts = [...startsOf(method, plan.pattern), ...studiedBest];
  let steps: readonly SearchStep[] = [];
  try {
    const first = Math.max(
      0,
      stages.findIndex(({ name }) => name === before?.settings),
    );
    for (const [index, stage] of stages.entries()) {
      if (index < first) continue;
      const isResumed = index === first && before !== null;
      const known = isResumed ? before.state : { optimiser: null, steps };
      const earlier = isResumed ? before.before : steps.length;
      const whole = index === 0 ? null : bestOf(known.steps.slice(0, earlier), objective.better);
      steps = await search(
        (candidate) => measuring.measure(candidate, signal),
        {
          space: stage.space(whole),
          optimiser: settings.optimiser,
          better: objective.better,
          evaluations: stage.evaluations,
          seed: settings.seed,
          starts: whole === null ? starts : [whole],
          ...(whole !== null && { step: LATER_STEP }),
          state: known,
        },
        {
          ...(signal && { signal }),
          onStep: async (step, searchState) => {
            const now = searchState();
            current.search = { settings: stage.name, state: now, before: earlier };
            control.onStep?.(step, now.steps.length);
            await saved();
          },
        },
      );
    }
  } finally {
    await measuring.close();
  }
  const checkStart = performance.now();
  const decision = await decide();
  const end = performance.now();
  return {
    objective: { ...objective, ...measuring.cost, secondsPerCandidate: secondsPerStep(steps) },
    dimensions: space.names,
    steps,
    ...decision,
    study: studied,
    // A run that went on from an earlier one cost what both did.
    seconds: {
      study: secondsOf(studied),
      search: measuring.cost.setupSeconds + (steps.at(-1)?.seconds ?? 0),
      check: baselineSeconds + (end - checkStart) / 1000,
    },
  };

  async function runStudy(): Promise<Study> {
    // Studies are of the method as a whole: a space of many dimensions cannot be sampled with a few candidates.
    const whole = searchSpace(method, plan.pattern, { by: "model" }, 1);
    const { study: count, studied: objectives, seed } = settings;
    return study(
      { subject, judge, space: whole, objectives, count, seed, rows: current.studyRows },
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

  /** Judges everything that could be kept. */
  async function decide(): Promise<Pick<Tuned, "finalists" | "chosen" | "accepted" | "judged">> {
    const best = bestApart(steps, settings.finalists, { space, better: objective.better, distance: APART });
    let total = best.length;
    let done = 0;
    const figureOf = async (candidate: Candidate): Promise<number> => {
      const figure = await judge.of(candidate, signal);
      control.onJudged?.(++done, total);
      await saved();
      return figure;
    };
    const finalists: Finalist[] = [];
    const add = async (from: Finalist["from"], candidate: Candidate, value: number | null) =>
      finalists.push({ from, candidate, value, judged: await figureOf(candidate) });
    const isStart = new Set(starts.map(candidateKey));
    for (const { candidate, value } of best)
      await add(isStart.has(candidateKey(candidate)) ? "start" : "search", candidate, value);
    // The search sees later passes through shared statistics only, so the best one is tried with every number of them.
    const [leader] = [...finalists].sort((one, other) => one.judged - other.judged);
    const passes = Array.from({ length: leader ? settings.passes : 0 }, (_, pass) => pass + 1);
    const variants = passes.map((count) => ({ ...(leader as Finalist).candidate, passes: count }));
    const unknown = variants.filter(
      (one) => !finalists.some((other) => candidateKey(other.candidate) === candidateKey(one)),
    );
    total += unknown.length;
    for (const variant of unknown) await add("search", variant, null);
    // What the study measured costs nothing more.
    for (const candidate of studiedBest)
      if (!finalists.some((one) => candidateKey(one.candidate) === candidateKey(candidate)))
        finalists.push({ from: "study", candidate, value: null, judged: await judge.of(candidate, signal) });
    // The objective may be wrong about what was known before. Starts that are RIA or Wanda in other words are only worth
    // a figure where the search has lost.
    const hasLost = finalists.every(({ judged }) => judged >= Math.min(ria, wanda));
    const among = new Set(finalists.map(({ candidate }) => candidateKey(candidate)));
    const others = startsOf(method, plan.pattern, hasLost).filter((start) => !among.has(candidateKey(start)));
    const values = new Map(steps.map(({ candidate, value }) => [candidateKey(candidate), value]));
    total += others.length;
    for (const start of others) await add("start", start, values.get(candidateKey(start)) ?? null);
    finalists.sort((a, b) => a.judged - b.judged);
    const chosen = finalists[0] as Finalist;
    return {
      finalists,
      chosen,
      accepted: chosen.judged < Math.min(ria, wanda),
      judged: { dense, ria, wanda, tuned: chosen.judged },
    };
  }
}

/** All that decides the figures of a search and their order; what a study finds is a start, and may be the objective. */
function searchOf({ objective, optimiser, granularity, passes, study }: TuneSettings): readonly unknown[] {
  return [objective, optimiser, granularity, passes, study];
}

/** One search after the other: parts begin at what is best for the whole, which also stands for what is in no part. */
function stagesOf(settings: TuneSettings, method: MethodName, pattern: Pattern) {
  const { granularity, passes, evaluations } = settings;
  const stage = (by: Granularity, most: number) => ({
    name: JSON.stringify([searchOf(settings), by]),
    space: (whole: Candidate | null) => searchSpace(method, pattern, by, passes, whole?.coefficients.all),
    evaluations: most,
  });
  const whole = { by: "model" } as const;
  return granularity.by === "model"
    ? [stage(whole, evaluations)]
    : [stage(whole, Math.ceil(evaluations * WHOLE_SHARE)), stage(granularity, evaluations)];
}

/** What a study took. */
const secondsOf = (studied: Study | null): number =>
  (studied?.rows ?? []).flatMap(({ seconds }) => Object.values(seconds)).reduce((sum, value) => sum + value, 0);

/** Median of what a step took. */
const secondsPerStep = (steps: readonly SearchStep[]): number =>
  medianSeconds(steps.map(({ seconds }, i) => seconds - (steps[i - 1]?.seconds ?? 0)));

/** What the judge liked best in a study. */
const bestStudied = ({ rows }: Study): Candidate => rows.reduce((a, b) => (b.judged < a.judged ? b : a)).candidate;

function bestOf(steps: readonly SearchStep[], better: "lower" | "higher"): Candidate {
  const sign = better === "lower" ? 1 : -1;
  return steps.reduce((a, b) => (sign * b.value < sign * a.value ? b : a)).candidate;
}

/**
 * What the method's row names as points to start from, with the pattern to tune.
 *
 * @param all whether those that are like another method are among them
 */
function startsOf(method: MethodName, pattern: Pattern, all = true): Candidate[] {
  const starts = methodOf(method).starts.filter(({ like }) => all || like === null);
  return starts.map(({ coefficients: all }) => ({ method, pattern, coefficients: { all }, passes: 1 }));
}
