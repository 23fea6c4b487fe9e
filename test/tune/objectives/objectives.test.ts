/** What every objective of the table promises, whichever it is, on two families of models. */
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PruneErrorCode } from "../../../src/errors.js";
import type { Target } from "../../../src/graph/index.js";
import type { Candidate } from "../../../src/tune/candidate.js";
import { OBJECTIVE_NAMES, OBJECTIVES, type ObjectiveName, objectiveOf } from "../../../src/tune/objectives/index.js";
import type { Subject } from "../../../src/tune/subject.js";
import { TimedObjective } from "../../../src/tune/timed-objective.js";
import {
  candidateAt,
  OPENING,
  type OpenedSubject,
  openRealSubject,
  openUncalibrated,
  SESSION_FILES,
  TWO_OF_FOUR,
} from "../real-subject.js";

const FIXTURES = resolve(import.meta.dirname, "../../fixtures");

/** Candidates of 20, 50 and 80 percent, and three at 2:4 that differ. */
const SPARSER = [0.2, 0.5, 0.8].map((sparsity) => candidateAt(sparsity));
const OTHERS = [{}, { power: 1 }, { column: 0, row: 0.5, window: 0.5, size: 5 }].map((all) =>
  candidateAt(TWO_OF_FOUR, all),
);

/** Gini coefficients say how unequal scores are, which follows perplexity only where the pattern is one. */
const isOfOnePattern = (name: ObjectiveName) => name.startsWith("gini");

describe.each(Object.entries(SESSION_FILES))("on %s", (_, path) => {
  let opened: OpenedSubject;
  beforeAll(async () => {
    opened = await openRealSubject(path);
  }, OPENING);
  afterAll(() => opened.close());

  describe.each(OBJECTIVE_NAMES)("%s", (name) => {
    let objective: TimedObjective;
    beforeAll(async () => {
      objective = await TimedObjective.open(name, opened.subject);
    }, OPENING);
    afterAll(async () => {
      await objective.close();
      expect(opened.runtime.openSessions(), "sessions that were not released").toBe(0);
    });

    const measureAll = async (candidates: readonly Candidate[]) => {
      const figures: number[] = [];
      for (const candidate of candidates) figures.push(await objective.measure(candidate));
      return figures;
    };

    it("gives finite figures that depend on the candidate and on nothing else", async () => {
      const figures = await measureAll(OTHERS);
      expect(figures.every(Number.isFinite)).toBe(true);
      expect(new Set(figures).size).toBe(OTHERS.length);
      // In another order, and with masks made anew.
      opened.subject.masked.forget();
      expect((await measureAll([...OTHERS].reverse())).reverse()).toEqual(figures);
      expect(objective.cost.secondsPerCandidate).toBeGreaterThan(0);
      expect(objective.cost.setupSeconds).toBeGreaterThan(0);
    });

    it.skipIf(isOfOnePattern(name))("is the worse the more is pruned", async () => {
      const figures = await measureAll(SPARSER);
      const worse = objectiveOf(name).better === "lower" ? figures : figures.map((figure) => -figure);
      expect(worse).toEqual([...worse].sort((a, b) => a - b));
      expect(worse[2]).toBeGreaterThan((worse[0] as number) * 1.02);
    });

    it("stops when it is aborted", async () => {
      const signal = AbortSignal.abort(new Error("enough"));
      const [candidate] = SPARSER as [Candidate];
      await expect(objective.measure(candidate, signal)).rejects.toThrow("enough");
      await expect(objectiveOf(name).open(opened.subject, signal)).rejects.toThrow("enough");
    });
  });
});

describe("the table of objectives", () => {
  it("says of each what it is and where it comes from", () => {
    for (const { summary, source, better } of Object.values(OBJECTIVES)) {
      expect(summary.length).toBeGreaterThan(20);
      expect(source.length).toBeGreaterThan(5);
      expect(["lower", "higher"]).toContain(better);
    }
  });
});

describe("a model that does not allow an objective", () => {
  const refused = async (path: string, name: ObjectiveName, code: PruneErrorCode, message: RegExp) => {
    const opened = await openUncalibrated(path);
    try {
      await expect(objectiveOf(name).open(opened.subject)).rejects.toMatchObject({
        name: "PruneError",
        code,
        message: expect.stringMatching(message),
      });
    } finally {
      await opened.close();
    }
    expect(opened.runtime.openSessions()).toBe(0);
  };

  it.each(["kl", "likelihood"] as const)("is refused by %s where it predicts nothing", (name) =>
    refused(join(FIXTURES, "tiny-bert/onnx/model.onnx"), name, "unsupported", /no output "logits".*tune with/),
  );

  it.each(["hidden-drift", "block-error", "block-cosine"] as const)(
    "is refused by %s where its blocks lie in nested graphs",
    (name) =>
      refused(
        join(FIXTURES, "tiny-t5/onnx/decoder_model_merged.onnx"),
        name,
        "unsupported",
        /nested graphs.*tune with/,
      ),
  );

  it.each(["kl", "likelihood"] as const)("is refused by %s where token ids alone cannot run it", (name) =>
    refused(
      join(FIXTURES, "tiny-t5/onnx/decoder_model_merged.onnx"),
      name,
      "bad-calibration",
      /text alone does not determine the input "encoder_/,
    ),
  );

  it("is an error where a figure is not finite, which a search would take for a bad candidate", async () => {
    const opened = await openRealSubject(SESSION_FILES["austen-1.4m"]);
    // Every weight a NaN.
    const masked = {
      of: async (_: Candidate, targets: readonly Target[]) =>
        new Map(targets.map((target) => [target, new Uint8Array(opened.subject.dense.of(target).length).fill(0x7f)])),
    };
    const subject = { ...opened.subject, masked: masked as unknown as Subject["masked"] };
    const objective = await TimedObjective.open("hidden-drift", subject);
    await expect(objective.measure(candidateAt(0.5))).rejects.toMatchObject({
      code: "bad-statistics",
      message: expect.stringMatching(/model\.onnx: objective hidden-drift must be finite.*tune a float32 file/),
    });
    await objective.close();
    await opened.close();
  });
});
