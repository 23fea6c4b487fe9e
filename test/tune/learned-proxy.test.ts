import { describe, expect, it } from "vitest";
import { methodOf } from "../../src/score/index.js";
import { spearman } from "../../src/tune/correlation.js";
import { learnProxy, predict } from "../../src/tune/learned-proxy.js";
import type { ObjectiveName } from "../../src/tune/objectives/index.js";
import { RandomNumbers, seededState } from "../../src/tune/optimise/index.js";
import type { StudyRow } from "../../src/tune/study.js";

const candidate: StudyRow["candidate"] = {
  method: "crepe",
  pattern: { kind: "n:m", keep: 2, of: 4, permute: false },
  coefficients: { all: methodOf("crepe").untuned },
  passes: 1,
};

const NAMES: ObjectiveName[] = ["gini", "hidden-drift", "kl", "block-error", "likelihood"];

/** Rows whose figures are e^u for uniform u, and whose log-perplexity is `planted` of those logarithms. */
function rowsOf(count: number, planted: (u: Record<string, number>, noise: number) => number): StudyRow[] {
  const random = new RandomNumbers(seededState(5));
  return Array.from({ length: count }, () => {
    const u = Object.fromEntries(NAMES.map((name) => [name, 4 * random.uniform() - 2]));
    const values = Object.fromEntries(NAMES.map((name) => [name, Math.exp(u[name] as number)]));
    return { candidate, judged: Math.exp(planted(u, random.uniform() - 0.5)), values, seconds: {} };
  });
}

const perplexitiesOf = (rows: readonly StudyRow[]) => rows.map(({ judged }) => judged);

function learned(rows: readonly StudyRow[]) {
  const proxy = learnProxy(rows);
  if (proxy === null) throw new Error("nothing learned");
  return proxy;
}

/** Log-perplexity rises with one figure, falls with another, and the other three say nothing of it. */
const twoOf = (u: Record<string, number>) => 3 + 0.4 * (u.kl as number) - 0.2 * (u["block-error"] as number);

describe("a learned proxy", () => {
  it("recovers a planted combination with its signs, and gives no weight to what says nothing", () => {
    const rows = rowsOf(40, twoOf);
    const proxy = learned(rows);
    expect(proxy.terms.slice(0, 2).map(({ name }) => name)).toEqual(["kl", "block-error"]);
    const [first, second, third = 0] = proxy.terms.map(({ weight, spread }) => weight / spread) as [number, number];
    expect(first).toBeGreaterThan(0);
    expect(first / second).toBeGreaterThan(-2.4);
    expect(first / second).toBeLessThan(-1.6);
    expect(Math.abs(third)).toBeLessThan(first / 10);
    expect(spearman(proxy.heldOut, perplexitiesOf(rows))).toBeGreaterThan(0.97);
  });

  it("expects ranks from 0, the best, to 1, the worst, of candidates it was not fitted to", () => {
    const proxy = learned(rowsOf(40, twoOf));
    const others = rowsOf(90, twoOf).slice(40);
    const expected = others.map(({ values }) => predict(proxy, values));
    expect(spearman(expected, perplexitiesOf(others))).toBeGreaterThan(0.97);
    expect(Math.min(...expected)).toBeGreaterThan(-0.3);
    expect(Math.max(...expected)).toBeLessThan(1.3);
  });

  it("says of a row what it would without it", () => {
    const rows = rowsOf(24, twoOf);
    const [before, after] = [7, 7].map((at, k) =>
      k === 0 ? learned(rows) : learned(rows.with(at, { ...(rows[at] as StudyRow), judged: 1e6 })),
    );
    expect(after?.heldOut[7]).toBe(before?.heldOut[7]);
    expect(after?.heldOut[8]).not.toBe(before?.heldOut[8]);
  });

  it("does not change when the worst candidate gets worse still", () => {
    const rows = rowsOf(24, twoOf);
    const worst = perplexitiesOf(rows).indexOf(Math.max(...perplexitiesOf(rows)));
    const further = rows.with(worst, { ...(rows[worst] as StudyRow), judged: 1e9 });
    expect(learned(further)).toEqual(learned(rows));
  });

  it("takes figures of any judge, 0 and less than 0 too, because only their ranks count", () => {
    const rows = rowsOf(24, twoOf);
    const best = Math.min(...perplexitiesOf(rows));
    const shifted = rows.map((row) => ({ ...row, judged: (row.judged - best) / 100 - 1 }));
    expect(learned(shifted)).toEqual(learned(rows));
  });

  it("looks at three figures at most, because each costs its own run", () => {
    const all = (u: Record<string, number>) => Object.values(u).reduce((sum, value) => sum + value, 0);
    expect(learned(rowsOf(60, all)).terms).toHaveLength(3);
  });

  it("is not fooled by noise: what it says of rows it has not seen follows nothing", () => {
    const rows = rowsOf(40, (_, noise) => 3 + noise);
    expect(Math.abs(spearman(learned(rows).heldOut, perplexitiesOf(rows)))).toBeLessThan(0.5);
  });

  it("stays finite where figures are 0, negative or all the same", () => {
    const rows = rowsOf(14, twoOf).map(({ values, ...row }, k) => ({
      ...row,
      values: { ...values, kl: k === 0 ? 0 : -(values.kl as number), "block-error": 1 },
    }));
    const { terms, heldOut, intercept } = learned(rows);
    for (const { weight, centre, spread } of terms) expect([weight, centre, spread].every(Number.isFinite)).toBe(true);
    expect([intercept, ...heldOut].every(Number.isFinite)).toBe(true);
  });

  it("is none where there are few rows, or only one figure", () => {
    expect(learnProxy(rowsOf(11, twoOf))).toBeNull();
    expect(learnProxy(rowsOf(12, twoOf))).not.toBeNull();
    expect(
      learnProxy(rowsOf(60, twoOf).map((row) => ({ ...row, values: { kl: row.values.kl as number } }))),
    ).toBeNull();
    expect(learnProxy([])).toBeNull();
  });
});
