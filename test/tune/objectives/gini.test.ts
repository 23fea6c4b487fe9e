import { describe, expect, it } from "vitest";
import type { Candidate } from "../../../src/tune/candidate.js";
import type { Objective } from "../../../src/tune/objective.js";
import { giniKept, giniMasked, giniPruned } from "../../../src/tune/objectives/gini.js";
import type { Subject } from "../../../src/tune/subject.js";
import { referenceMask, referenceScores } from "../../helpers/reference-mask.js";
import { sortedGini } from "../sorted-gini.js";
import { byRow, candidateOf, referenceJob, weightsSubject, weightValues } from "../weights-subject.js";

const CANDIDATE = candidateOf({ row: 0.2, column: 0.5, window: 0.3, size: 5, power: 0.8 }, byRow(0.5));

async function measure(objective: Objective, subject: Subject, candidate: Candidate): Promise<number> {
  const open = await objective.open(subject);
  const figure = await open.measure(candidate);
  await open.close();
  return figure;
}

const small = { shape: { out: 6, in: 16 }, values: weightValues(96, 1) };
const large = { shape: { out: 16, in: 40 }, values: weightValues(640, 2) };

describe("each reading of the Gini objective", () => {
  it.each([
    ["masked", giniMasked, (scores: number[], stays: boolean[]) => scores.map((s, k) => (stays[k] ? s : 0))],
    ["kept", giniKept, (scores: number[], stays: boolean[]) => scores.filter((_, k) => stays[k])],
    ["pruned", giniPruned, (scores: number[], stays: boolean[]) => scores.filter((_, k) => !stays[k])],
  ] as const)("takes the scores it names, weights in proportion to their size: %s", async (_, objective, reading) => {
    const made = await weightsSubject([small, large]);
    const expected = made.subject.targets.map((target) => {
      const job = referenceJob(made, target, CANDIDATE);
      return target.shape.out * target.shape.in * sortedGini(reading(referenceScores(job), referenceMask(job)));
    });
    const mean = expected.reduce((a, b) => a + b, 0) / (96 + 640);
    expect(Math.abs((await measure(objective, made.subject, CANDIDATE)) - mean)).toBeLessThan(1 / 512);
  });

  it.each([
    ["masked", giniMasked],
    ["kept", giniKept],
    ["pruned", giniPruned],
  ] as const)("is the same in whatever order the weight is stored: %s", async (_, objective) => {
    const figures = (["in-out", "out-in"] as const).map(async (order) => {
      const { subject } = await weightsSubject([{ ...large, order, dtype: "float16" }]);
      return measure(objective, subject, CANDIDATE);
    });
    expect(await figures[0]).toBe(await figures[1]);
  });

  it("by kept scores ranks candidates as masked ones do, for the pattern says how many zeros there are", async () => {
    const { subject } = await weightsSubject([large]);
    for (const power of [0, 0.5, 1, 1.5]) {
      const candidate = candidateOf({ power }, byRow(0.5));
      const kept = await measure(giniKept, subject, candidate);
      expect(await measure(giniMasked, subject, candidate)).toBeCloseTo(0.5 + 0.5 * kept, 6);
    }
  });

  it("is 0 where there is nothing that it looks at", async () => {
    const { subject } = await weightsSubject([large]);
    expect(await measure(giniPruned, subject, candidateOf({}, byRow(0)))).toBe(0);
    expect(await measure(giniKept, subject, candidateOf({}, byRow(1)))).toBe(0);
    expect(await measure(giniMasked, subject, candidateOf({}, byRow(1)))).toBe(0);
  });
});

it("an abort is heard before the next candidate is measured", async () => {
  const { subject } = await weightsSubject([large]);
  const open = await giniMasked.open(subject);
  const controller = new AbortController();
  const figure = open.measure(CANDIDATE, controller.signal);
  controller.abort(new Error("enough"));
  await expect(figure).rejects.toThrow("enough");
  await expect(giniMasked.open(subject, controller.signal)).rejects.toThrow("enough");
});
