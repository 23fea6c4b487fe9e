/**
 * How a tuning decides, with a judge whose figures are planted: the subject is real and the objective one that looks at
 * weights only. The whole way, with real perplexities, is in test/hook/tune-model.test.ts.
 */
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { methodOf } from "../../src/score/index.js";
import { type Candidate, candidateKey } from "../../src/tune/candidate.js";
import type { Judge } from "../../src/tune/judge.js";
import { objectiveOf } from "../../src/tune/objectives/index.js";
import type { Subject } from "../../src/tune/subject.js";
import { type TuneListener, type TuneSettings, type TuneState, tune } from "../../src/tune/tune.js";
import { OPENING, type OpenedSubject, openRealSubject, SESSION_FILES, TWO_OF_FOUR } from "./real-subject.js";

let opened: OpenedSubject;
beforeAll(async () => {
  opened = await openRealSubject(SESSION_FILES["austen-1.4m"]);
}, OPENING);
afterAll(() => opened.close());

const SETTINGS: TuneSettings = {
  objective: "diagonal-error",
  optimiser: "cma-es",
  evaluations: 14,
  seed: 1,
  granularity: { by: "model" },
  passes: 1,
  study: 0,
  studied: ["diagonal-error", "gini"],
  finalists: 3,
  baselines: { ria: TWO_OF_FOUR, wanda: TWO_OF_FOUR },
};
const STARTS = methodOf("crepe").starts;

/** A judge whose figures are planted; it keeps what it was asked, as a real one does. */
class PlantedJudge implements Judge {
  readonly name = "perplexity";
  readonly asked: string[] = [];
  readonly known: Map<string, number>;
  constructor(
    readonly figure: (candidate: Candidate) => number,
    state: TuneState | null = null,
  ) {
    this.known = new Map(Object.entries(state?.judged ?? {}));
  }
  get results() {
    return Object.fromEntries(this.known);
  }
  readonly dense = async () => this.once("dense", 10);
  readonly of = async (candidate: Candidate, signal?: AbortSignal) => {
    signal?.throwIfAborted();
    return this.once(candidateKey(candidate), this.figure(candidate));
  };
  private once(key: string, value: number): number {
    if (!this.known.has(key)) this.asked.push(key);
    this.known.set(key, this.known.get(key) ?? value);
    return this.known.get(key) as number;
  }
}

/** RIA has 20, Wanda 21, and CRePE what is said. */
const planted = (crepe: (all: Readonly<Record<string, number>>) => number) => (candidate: Candidate) =>
  candidate.method === "ria" ? 20 : candidate.method === "wanda" ? 21 : crepe(candidate.coefficients.all);

/** A figure that depends on one coefficient. */
const crepe = (all: Readonly<Record<string, number>>) => 15 + (all.power as number);

const run = (
  judge: PlantedJudge,
  settings: Partial<TuneSettings> = {},
  control: TuneListener & { signal?: AbortSignal } = {},
  state: TuneState | null = null,
) => tune(opened.subject, judge, { ...SETTINGS, ...settings }, control, state);

const isStart = (all: Readonly<Record<string, number>>) =>
  STARTS.some(({ coefficients }) => coefficients.power === all.power);

describe("a tuning", () => {
  it("keeps what the judge likes best, whatever the objective says of it", async () => {
    let next = 18;
    const judge = new PlantedJudge(planted(() => next--));
    const tuned = await run(judge);
    expect(tuned.finalists.map(({ judged }) => judged)).toEqual([15, 16, 17, 18]);
    const [first, last] = [tuned.finalists[0], tuned.finalists[3]];
    // The search liked the last best.
    expect(last?.value).toBe(Math.min(...tuned.steps.map(({ value }) => value)));
    expect(tuned).toMatchObject({
      chosen: first,
      accepted: true,
      judged: { dense: 10, ria: 20, wanda: 21, tuned: 15 },
      objective: { name: "diagonal-error", better: "lower", spearman: null },
      study: null,
    });
    expect(tuned.steps).toHaveLength(14);
    expect(tuned.dimensions).toEqual(["row", "column", "size", "power", "shape"]);
  });

  it("does not accept what is as good as RIA at best, and says what the best was", async () => {
    const tuned = await run(new PlantedJudge(planted((all) => (isStart(all) ? 20 : 25))));
    expect(tuned).toMatchObject({ accepted: false, judged: { tuned: 20 } });
    expect(tuned.chosen.from).toBe("start");
  });

  it("measures what it started from where the search has lost, and takes it where it wins", async () => {
    const judge = new PlantedJudge(planted((all) => (all.power === 1 && all.row === 1 ? 19 : 30)));
    const heard: number[][] = [];
    const tuned = await run(judge, { finalists: 1 }, { onJudged: (done, total) => void heard.push([done, total]) });
    expect(tuned.chosen).toMatchObject({
      from: "start",
      judged: 19,
      candidate: { coefficients: { all: STARTS[1]?.coefficients } },
    });
    expect(tuned.chosen.value).toBe(tuned.steps[1]?.value);
    expect(tuned.accepted).toBe(true);
    for (const [done, total] of heard) expect(done).toBeLessThanOrEqual(total as number);
    expect(heard.at(-1)?.[0]).toBe(heard.at(-1)?.[1]);
  });

  it("judges of its starts the ones that are no other method where the search has won, and takes one that wins", async () => {
    const own = STARTS.find(({ like }) => like === null)?.coefficients;
    const judge = new PlantedJudge(planted((all) => (all.power === own?.power ? 12 : 15)));
    const tuned = await run(judge, { finalists: 1, evaluations: 40 });
    expect(judge.asked.filter((key) => key.startsWith('["crepe"'))).toHaveLength(2);
    expect(tuned.chosen).toMatchObject({ from: "start", judged: 12, candidate: { coefficients: { all: own } } });
  });

  it("refuses a model that cannot be judged before anything is searched", async () => {
    const judge = new PlantedJudge(planted(() => 15));
    const failing = Object.assign(judge, { dense: () => Promise.reject(new Error("no logits")) });
    let steps = 0;
    await expect(run(failing, {}, { onStep: () => void steps++ })).rejects.toThrow("no logits");
    expect(steps).toBe(0);
  });

  it("searches by what followed the judge best in its study", async () => {
    // Planted so that diagonal-error follows it, and Gini does not.
    const objective = await objectiveOf("diagonal-error").open(opened.subject);
    const judge = new PlantedJudge(() => 15);
    const of = async (candidate: Candidate) => 100 * (await objective.measure(candidate));
    const tuned = await run(Object.assign(judge, { of }), { study: 3, objective: "measured" });
    await objective.close();
    expect(tuned.objective).toMatchObject({ name: "diagonal-error", spearman: 1 });
    expect(tuned.study?.rows).toHaveLength(3);
    const combined = await run(new PlantedJudge(planted(crepe)), { study: 12, objective: "learned" });
    expect(combined.objective).toMatchObject({ name: "learned", better: "lower" });
    expect(combined.objective.spearman).toBe(combined.study?.learned?.spearman);
  });

  it("searches for the model as a whole first, and for its parts from the best of that", async () => {
    const parts = { objective: "gini", granularity: { by: "depth", segments: 2 }, evaluations: 30 } as const;
    const { steps, dimensions } = await run(new PlantedJudge(planted(crepe)), parts);
    expect(dimensions).toHaveLength(10);
    const [whole, rest] = [steps.slice(0, 10), steps.slice(10)];
    expect(whole.every(({ candidate }) => candidate.coefficients.byDepth === undefined)).toBe(true);
    expect(rest.every(({ candidate }) => candidate.coefficients.byDepth?.length === 2)).toBe(true);
    const best = whole.reduce((a, b) => (b.value > a.value ? b : a));
    // The best of the ten is none of the starts, so it tells where the parts begin.
    expect(best.generation).toBeGreaterThan(0);
    const { all } = best.candidate.coefficients;
    expect(rest[0]).toMatchObject({ value: best.value, candidate: { coefficients: { byDepth: [all, all] } } });
  });

  it("tries its best candidate with every number of passes", async () => {
    const judge = new PlantedJudge(({ method, passes }) => (method === "crepe" ? 19 - passes : 20));
    const [dense] = opened.subject.statistics as [Subject["statistics"][0]];
    const subject = { ...opened.subject, statistics: [dense, dense, dense] };
    const tuned = await tune(subject, judge, { ...SETTINGS, passes: 3, finalists: 1 });
    expect(tuned.chosen).toMatchObject({ judged: 16, candidate: { passes: 3 } });
    const { coefficients } = tuned.chosen.candidate;
    const same = tuned.finalists.filter(({ candidate }) => isDeepStrictEqual(candidate.coefficients, coefficients));
    expect(same.map(({ candidate }) => candidate.passes).sort()).toEqual([1, 2, 3]);
  });

  it("takes the best of its study where the search finds nothing better", async () => {
    // What the study has measured is known by the time the search begins.
    let studied = true;
    const judge = new PlantedJudge((candidate) => {
      if (candidate.method === "ria") return 20;
      return candidate.method === "wanda" ? 21 : studied ? 12 + (candidate.coefficients.all.power as number) : 30;
    });
    const tuned = await run(
      judge,
      { study: 3 },
      {
        onStep: () => {
          studied = false;
        },
      },
    );
    const best = Math.min(...(tuned.study?.rows ?? []).map(({ judged }) => judged));
    expect(tuned).toMatchObject({ accepted: true, chosen: { judged: best } });
  });

  it("says that a study is needed, or a larger one", async () => {
    const judge = () => new PlantedJudge(planted(() => 15));
    await expect(run(judge(), { objective: "measured" })).rejects.toMatchObject({
      code: "bad-option",
      message: expect.stringContaining("ask for a study"),
    });
    await expect(run(judge(), { objective: "learned", study: 2 })).rejects.toMatchObject({
      code: "bad-option",
      message: expect.stringContaining("the study of 2 candidates is too small"),
    });
  });
});

describe("a tuning that was stopped", () => {
  /** Stops where `stop` says so; gives the state as JSON gives it back. */
  async function stoppedState(settings: Partial<TuneSettings>, stop: (event: string, done: number) => boolean) {
    const controller = new AbortController();
    const states: TuneState[] = [];
    const hear = (event: string) => (done: number | object, count?: number) => {
      if (stop(event, typeof done === "number" ? done : (count as number))) controller.abort(new Error("enough"));
    };
    const control = {
      signal: controller.signal,
      onStudy: hear("study"),
      onStep: hear("search"),
      onJudged: hear("check"),
      onState: (state: TuneState) => void states.push(JSON.parse(JSON.stringify(state))),
    };
    await expect(run(new PlantedJudge(planted(crepe)), settings, control)).rejects.toThrow("enough");
    return states.at(-1) as TuneState;
  }

  const plain = ({ seconds: _, steps, objective, study, ...rest }: Awaited<ReturnType<typeof run>>) => ({
    ...rest,
    steps: steps.map(({ seconds: _, ...step }) => step),
    objective: objective.name,
    rows: study?.rows.map(({ seconds: _, ...row }) => row) ?? null,
  });

  it.each([
    ["in its study", "study", 2],
    ["at the beginning of its search", "search", 1],
    ["in its search", "search", 9],
    ["in its check", "check", 3],
  ])("%s comes to the same as one that was not, and judges nothing again", async (_, event, at) => {
    const settings = { study: 12, objective: "learned" } as const;
    const whole = new PlantedJudge(planted(crepe));
    const expected = await run(whole, settings);
    const state = await stoppedState(settings, (now, done) => now === event && done === at);
    const judge = new PlantedJudge(planted(crepe), state);
    let steps = 0;
    const tuned = await run(judge, settings, { onStep: () => void steps++ }, state);
    expect(plain(tuned)).toEqual(plain(expected));
    expect(steps).toBe(expected.steps.length - (state.search?.state.steps.length ?? 0));
    expect([...Object.keys(state.judged), ...judge.asked].sort()).toEqual([...whole.known.keys()].sort());
  });

  it.each([4, 17])("after %i steps of a search by parts comes to the same as one that was not", async (at) => {
    const kinds = ["q", "k", "v", "o", "gate", "up", "down"];
    const parts = { granularity: { by: "kind", kinds }, evaluations: 24 } as const;
    const expected = await run(new PlantedJudge(planted(crepe)), parts);
    const state = await stoppedState(parts, (event, done) => event === "search" && done === at);
    expect(state.search?.state.steps).toHaveLength(at);
    const tuned = await run(new PlantedJudge(planted(crepe), state), parts, {}, state);
    expect(plain(tuned)).toEqual(plain(expected));
  });

  it("by kind leaves to weights of any other kind what is best for the whole model", async () => {
    const kinds = ["q", "k", "v", "o", "gate", "up", "down"];
    const { steps } = await run(new PlantedJudge(planted(crepe)), {
      granularity: { by: "kind", kinds },
      evaluations: 24,
    });
    const whole = steps.filter(({ candidate }) => candidate.coefficients.byKind === undefined);
    const best = whole.reduce((a, b) => (b.value < a.value ? b : a)).candidate.coefficients.all;
    const parts = steps.slice(whole.length).map(({ candidate }) => candidate.coefficients.all);
    expect(parts).toHaveLength(16);
    for (const all of parts) expect(all).toEqual(best);
  });

  it("keeps the rows of its study while it goes through them again", async () => {
    const settings = { study: 4 };
    const state = await stoppedState(settings, (now) => now === "search");
    expect(state.studyRows).toHaveLength(4);
    const states: TuneState[] = [];
    await run(new PlantedJudge(planted(crepe), state), settings, { onState: (now) => void states.push(now) }, state);
    const lengths = states.map(({ studyRows }) => studyRows.length);
    expect(new Set(lengths)).toEqual(new Set([4]));
  });

  it("searches anew where another search is asked for, with the judgements that are known", async () => {
    const state = await stoppedState({}, (now, done) => now === "search" && done === 9);
    const other = { objective: "gini" } as const;
    const tuned = await run(new PlantedJudge(planted(crepe), state), other, {}, state);
    expect(plain(tuned)).toEqual(plain(await run(new PlantedJudge(planted(crepe)), other)));
  });

  it("searches anew where a larger study combines the objectives in another way", async () => {
    const learned = { objective: "learned", study: 12 } as const;
    const state = await stoppedState(learned, (now, done) => now === "search" && done === 9);
    const more = { ...learned, study: 13 };
    const tuned = await run(new PlantedJudge(planted(crepe), state), more, {}, state);
    expect(plain(tuned)).toEqual(plain(await run(new PlantedJudge(planted(crepe)), more)));
  });
});
