import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Candidate } from "../../../src/tune/candidate.js";
import { diagonalError } from "../../../src/tune/objectives/diagonal-error.js";
import type { Subject } from "../../../src/tune/subject.js";
import { referenceMask } from "../../helpers/reference-mask.js";
import { byRow, candidateOf, referenceJob, weightsSubject, weightValues } from "../weights-subject.js";

const measure = async (subject: Subject, candidate: Candidate) =>
  (await diagonalError.open(subject)).measure(candidate);

const wide = { shape: { out: 10, in: 24 }, values: weightValues(240, 5) };
const tall = { shape: { out: 16, in: 8 }, values: weightValues(128, 6) };

describe("the diagonal error", () => {
  it("is the squares of pruned weights times those of their inputs, as a share of all, mean over weights", async () => {
    const made = await weightsSubject([wide, tall]);
    const candidate = candidateOf({ window: 1, size: 3, power: 0.3 }, { kind: "n:m", keep: 2, of: 4, permute: false });
    const shares = made.subject.targets.map((target) => {
      const job = referenceJob(made, target, candidate);
      const stays = referenceMask(job);
      const squares = made.subject.statistics[0]?.get(target)?.sumOfSquares as Float64Array;
      const energies = job.values.map((w, k) => w * w * (squares[k % job.shape.in] as number));
      const total = (some: readonly number[]) => some.reduce((a, b) => a + b, 0);
      return total(energies.filter((_, k) => !stays[k])) / total(energies);
    });
    expect(await measure(made.subject, candidate)).toBeCloseTo(((shares[0] as number) + (shares[1] as number)) / 2, 6);
  });

  it("grows with the sparsity, from 0 of a dense model to 1 of an empty one", async () => {
    const { subject } = await weightsSubject([wide, tall]);
    const sparsity = fc.double({ min: 0, max: 1, noNaN: true });
    await fc.assert(
      fc.asyncProperty(sparsity, sparsity, fc.constantFrom("row", "matrix"), async (a, b, scope) => {
        const at = (sparsity: number) => measure(subject, candidateOf({}, { kind: "unstructured", sparsity, scope }));
        expect(await at(Math.min(a, b))).toBeLessThanOrEqual(await at(Math.max(a, b)));
      }),
      { numRuns: 30 },
    );
    expect(await measure(subject, candidateOf({}, byRow(0)))).toBe(0);
    expect(await measure(subject, candidateOf({}, byRow(1)))).toBe(1);
  });

  it("is least, by row, for Wanda, which prunes the smallest of these squares", async () => {
    const { subject } = await weightsSubject([wide, tall]);
    const least = await measure(subject, { ...candidateOf({}, byRow(0.5)), method: "wanda" });
    for (const power of [0, 0.5, 1, 1.5])
      expect(await measure(subject, candidateOf({ power }, byRow(0.5)))).toBeGreaterThanOrEqual(least);
  });

  it("does not depend on the unit or the storage of the weight", async () => {
    const candidate = candidateOf({ window: 0.5, size: 5 }, byRow(0.5));
    const scaled = wide.values.map((w) => w * 64);
    const subjects = [wide, { ...wide, order: "out-in" }, { ...wide, values: scaled }] as const;
    const figures = await Promise.all(
      subjects.map(async (spec) => measure((await weightsSubject([spec])).subject, candidate)),
    );
    expect(figures[1]).toBe(figures[0]);
    expect(figures[2]).toBeCloseTo(figures[0] as number, 9);
  });

  it("is refused where the method collects no statistics, with a remedy", async () => {
    const { subject } = await weightsSubject([wide], { method: "magnitude" });
    await expect(diagonalError.open(subject)).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringMatching(/tiny: the method needs no calibration.*tune with output-error/),
    });
  });
});
