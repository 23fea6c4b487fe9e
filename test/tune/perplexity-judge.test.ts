import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { evaluateModel, pruneModel } from "../../src/index.js";
import { type Candidate, candidateKey } from "../../src/tune/candidate.js";
import { perplexityJudge } from "../../src/tune/perplexity-judge.js";
import type { Subject } from "../../src/tune/subject.js";
import { GOLDEN } from "../helpers/golden.js";
import { AUSTEN, temporaryFolder } from "../hook/loading.js";
import {
  CALIBRATION_TEXT,
  candidateAt,
  EVALUATION_TEXT,
  evaluationWindows,
  OPENING,
  type OpenedSubject,
  openRealSubject,
  SESSION_FILES,
  TWO_OF_FOUR,
} from "./real-subject.js";

const COEFFICIENTS = { row: 0.2, column: 0.5, window: 0.3, size: 9, power: 0.8, shape: 0.5 };
const CALIBRATION = { count: 4, length: 64 };

let opened: OpenedSubject;
let windows: number[][];
beforeAll(async () => {
  opened = await openRealSubject(SESSION_FILES["austen-1.4m"], { calibration: CALIBRATION });
  windows = await evaluationWindows(4, 64);
}, OPENING);
afterAll(() => opened.close());

/** A judge that counts the sessions it opens. */
function countingJudge(known?: Record<string, number>) {
  let sessions = 0;
  const runtime: Subject["runtime"] = {
    tensor: opened.runtime.tensor,
    open: (...given) => {
      sessions++;
      return opened.runtime.open(...given);
    },
  };
  const judge = perplexityJudge({ ...opened, subject: { ...opened.subject, runtime }, windows }, known);
  return { judge, sessions: () => sessions };
}

describe("a judge by perplexity", () => {
  it("gives the golden perplexities of the dense model and of RIA at 2:4", async () => {
    const {
      length,
      calibrationCount: count,
      windows: judged,
      dense,
      rows,
    } = GOLDEN["austen-1.4m"] as (typeof GOLDEN)[""];
    const ria = rows.find((row) => row.method === "ria" && row.pattern === "2:4" && row.passes === 1);
    const golden = await openRealSubject(SESSION_FILES["austen-1.4m"], { calibration: { count, length } });
    try {
      const judge = perplexityJudge({ ...golden, windows: await evaluationWindows(judged, length) });
      expect((await judge.dense()) / dense).toBeCloseTo(1, 2);
      const measured = await judge.of(candidateAt(TWO_OF_FOUR, {}, "ria"));
      expect(measured / (ria?.perplexity as number)).toBeCloseTo(1, 2);
      // Untuned CRePE is RIA.
      expect(await judge.of(candidateAt(TWO_OF_FOUR))).toBe(measured);
    } finally {
      await golden.close();
    }
    expect(golden.runtime.openSessions()).toBe(0);
  });

  it.each([1, 2])("in %i passes is what pruning the model and evaluating it gives", async (passes) => {
    const candidate: Candidate = { ...candidateAt(TWO_OF_FOUR, COEFFICIENTS), passes };
    const { judge } = countingJudge();
    const measured = await judge.of(candidate);
    const out = join(temporaryFolder(), "pruned");
    const calibration = { texts: CALIBRATION_TEXT, ...CALIBRATION };
    const prune = { method: "crepe", pattern: "2:4", coefficients: COEFFICIENTS, passes, calibration } as const;
    await pruneModel(AUSTEN, { prune, out, dtype: "fp32" });
    const evaluated = await evaluateModel(out, { text: EVALUATION_TEXT, windows: 4, length: 64, dtype: "fp32" });
    expect(Math.abs(measured / evaluated.perplexity - 1)).toBeLessThan(1e-4);
  });

  it("measures a candidate once, and not at all one that is known already", async () => {
    const first = countingJudge();
    const candidate = candidateAt(0.5);
    const perplexity = await first.judge.of(candidate);
    const dense = await first.judge.dense();
    expect(perplexity).toBeGreaterThan(dense);
    expect(first.sessions()).toBe(2);
    expect(await first.judge.of(candidateAt(0.5))).toBe(perplexity);
    expect(await first.judge.dense()).toBe(dense);
    expect(first.sessions()).toBe(2);

    const saved = JSON.parse(JSON.stringify(first.judge.results));
    expect(saved).toEqual({ [candidateKey(candidate)]: perplexity, dense });
    const second = countingJudge(saved);
    expect([await second.judge.of(candidate), await second.judge.dense()]).toEqual([perplexity, dense]);
    expect(second.sessions()).toBe(0);
  });

  it("that is stopped keeps nothing and can be asked again", async () => {
    const { judge } = countingJudge();
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(judge.of(candidateAt(0.5), signal)).rejects.toThrow("enough");
    expect(judge.results).toEqual({});
    expect(opened.runtime.openSessions()).toBe(0);
    expect(await judge.of(candidateAt(0.5))).toBeGreaterThan(1);
  });
});
