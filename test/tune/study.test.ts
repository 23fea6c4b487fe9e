import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Candidate, candidateKey } from "../../src/tune/candidate.js";
import { spearman } from "../../src/tune/correlation.js";
import { LearnedObjective } from "../../src/tune/learned-objective.js";
import type { LearnedProxy } from "../../src/tune/learned-proxy.js";
import { objectiveOf } from "../../src/tune/objectives/index.js";
import { perplexityJudge } from "../../src/tune/perplexity-judge.js";
import { searchSpace } from "../../src/tune/space.js";
import { type StudyOptions, type StudyRow, study } from "../../src/tune/study.js";
import {
  evaluationWindows,
  OPENING,
  type OpenedSubject,
  openRealSubject,
  SESSION_FILES,
  TWO_OF_FOUR,
} from "./real-subject.js";

/** As many as a learned proxy needs. */
const COUNT = 12;

let opened: OpenedSubject;
let options: StudyOptions;
beforeAll(async () => {
  opened = await openRealSubject(SESSION_FILES["austen-1.4m"]);
  const windows = await evaluationWindows(2, 64);
  options = {
    subject: opened.subject,
    judge: perplexityJudge({ ...opened, windows }),
    space: searchSpace("crepe", TWO_OF_FOUR, { by: "model" }, 1),
    objectives: ["hidden-drift", "gini"],
    count: COUNT,
    seed: 2,
  };
}, OPENING);
afterAll(() => opened.close());

describe("a study", () => {
  it("measures random candidates by every objective and by the judge, and says how they agree", async () => {
    const heard: number[] = [];
    const found = await study(options, { onRow: (rows) => void heard.push(rows.length) });
    expect(heard).toEqual(Array.from({ length: COUNT }, (_, k) => k + 1));
    expect(opened.runtime.openSessions()).toBe(0);
    const { rows, objectives, learned } = found;
    expect(new Set(rows.map(({ candidate }) => candidateKey(candidate))).size).toBe(COUNT);
    const drift = await objectiveOf("hidden-drift").open(opened.subject);
    for (const { candidate, judged, values } of rows) {
      expect(values["hidden-drift"]).toBe(await drift.measure(candidate));
      expect(judged).toBe(await options.judge.of(candidate));
    }
    await drift.close();

    const perplexities = rows.map(({ judged }) => judged);
    const best = [...rows].sort((a, b) => a.judged - b.judged).slice(0, COUNT / 3);
    for (const [k, name] of options.objectives.entries()) {
      const values = rows.map((row) => row.values[name] as number);
      expect(objectives[k]).toMatchObject({ name, better: objectiveOf(name).better });
      expect(objectives[k]?.spearman).toBe(spearman(values, perplexities));
      const amongBest = best.map((row) => row.values[name] as number);
      expect(objectives[k]?.spearmanBestThird).toBeCloseTo(
        spearman(
          amongBest,
          best.map((row) => row.judged),
        ),
        12,
      );
      expect(objectives[k]?.setupSeconds).toBeGreaterThan(0);
      expect(objectives[k]?.secondsPerCandidate).toBeGreaterThan(0);
    }
    expect(found.secondsToJudge).toBeGreaterThan(0);
    expect(found.unsupported).toEqual([]);
    expect(learned?.heldOut).toHaveLength(COUNT);
    expect(learned?.spearman).toBe(spearman(learned?.heldOut ?? [], perplexities));
  });

  it("goes on from the rows of one that was stopped, and comes to the same", async () => {
    const whole = await study(options);
    const controller = new AbortController();
    let rows: readonly StudyRow[] = [];
    const onRow = (now: readonly StudyRow[]) => {
      rows = JSON.parse(JSON.stringify(now));
      if (now.length === 3) controller.abort(new Error("enough"));
    };
    await expect(study(options, { signal: controller.signal, onRow })).rejects.toThrow("enough");
    expect(opened.runtime.openSessions()).toBe(0);
    expect(rows).toHaveLength(3);
    // Rows that are known are taken as they are.
    const known = rows.map((row) => ({ ...row, judged: row.judged + 1000 }));
    const rest = await study({ ...options, rows: known });
    const untimed = (some: readonly StudyRow[]) => some.map(({ seconds: _, ...row }) => row);
    expect(untimed(rest.rows)).toEqual(untimed([...known, ...whole.rows.slice(3)]));
    expect(untimed((await study({ ...options, rows })).rows)).toEqual(untimed(whole.rows));
  });

  it("names the objectives that the model does not allow, and goes on without them", async () => {
    const subject = { ...opened.subject, statistics: [] };
    const found = await study({ ...options, subject, objectives: ["diagonal-error", "hidden-drift"], count: 2 });
    expect(found.unsupported).toMatchObject([
      { name: "diagonal-error", reason: expect.stringContaining("statistics") },
    ]);
    expect(found.objectives.map(({ name }) => name)).toEqual(["hidden-drift"]);
    expect(found.learned).toBeNull();
  });

  it("is refused for a method that has no parameters", async () => {
    const space = searchSpace("wanda", TWO_OF_FOUR, { by: "model" }, 1);
    await expect(study({ ...options, space })).rejects.toMatchObject({
      code: "bad-option",
      message: expect.stringContaining("no parameters to study"),
    });
    expect(opened.runtime.openSessions()).toBe(0);
  });
});

describe("a learned objective", () => {
  const proxy: LearnedProxy = {
    terms: [
      { name: "diagonal-error", weight: 2, centre: -1, spread: 10 },
      { name: "hidden-drift", weight: -1, centre: 1, spread: 20 },
    ],
    intercept: 0.5,
    heldOut: [],
  };

  it("is the rank that its parts let expect, and costs what they cost", async () => {
    const candidate: Candidate = options.space.decode([0.1, 0.2, 0.3, 0.4, 0.5]);
    const measured = await Promise.all(
      proxy.terms.map(async ({ name }) => {
        const part = await objectiveOf(name).open(opened.subject);
        return part.measure(candidate).finally(() => part.close());
      }),
    );
    const [error, drift] = measured as [number, number];
    const objective = await LearnedObjective.open(proxy, opened.subject);
    const expected = 0.5 + (2 * (Math.log(error) + 1)) / 10 - (Math.log(drift) - 1) / 20;
    expect(await objective.measure(candidate)).toBeCloseTo(expected, 9);
    expect(objective.cost.setupSeconds).toBeGreaterThan(0);
    expect(objective.cost.secondsPerCandidate).toBeGreaterThan(0);
    await objective.close();
    expect(opened.runtime.openSessions()).toBe(0);
  });

  it("releases the parts that are open where one cannot be opened", async () => {
    const subject = { ...opened.subject, statistics: [] };
    const reversed = { ...proxy, terms: [...proxy.terms].reverse() };
    await expect(LearnedObjective.open(reversed, subject)).rejects.toMatchObject({ code: "unsupported" });
    expect(opened.runtime.openSessions()).toBe(0);
  });
});
