/** Small trained models ready to be tuned, opened once for a test file; and what tests compare their figures with. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { cutWindows, openSamples, type Samples } from "../../src/calibrate/index.js";
import { createCpuDevice } from "../../src/compute/cpu/index.js";
import { resolvePruneOption } from "../../src/options/index.js";
import type { ResolvedPrune } from "../../src/options/types.js";
import { openPlan } from "../../src/prune/index.js";
import { type MethodName, methodOf } from "../../src/score/index.js";
import type { Candidate } from "../../src/tune/candidate.js";
import { DenseWeights } from "../../src/tune/dense-weights.js";
import { MaskedWeights } from "../../src/tune/masked-weights.js";
import { openSubject } from "../../src/tune/open-subject.js";
import type { Subject } from "../../src/tune/subject.js";
import { type TestRuntime, testRuntime } from "../helpers/runtime.js";
import { AUSTEN, austenTokenizer } from "../helpers/tokenizer.js";

const ROOT = resolve(import.meta.dirname, "../..");

/** Models by name. Both have the same tokenizer, and the same text to calibrate and to judge on. */
export const SESSION_FILES = {
  "austen-1.4m": join(ROOT, AUSTEN, "onnx/model.onnx"),
  "austen-gpt2": join(ROOT, "test/fixtures/austen-gpt2/onnx/model.onnx"),
} as const;

export const CALIBRATION_TEXT = readFileSync(join(ROOT, AUSTEN, "calibration.txt"), "utf8");
export const EVALUATION_TEXT = readFileSync(join(ROOT, AUSTEN, "persuasion.txt"), "utf8");

/** Models as small as these gain nothing from further threads, which wait by spinning. */
export const ONE_THREAD = { intraOpNumThreads: 1 } as const;

/** Milliseconds that opening a subject may take where a machine is busy. */
export const OPENING = 60_000;

export interface OpenedSubject {
  readonly subject: Subject;
  readonly samples: Samples;
  readonly runtime: TestRuntime;
  close(): Promise<void>;
}

export interface SubjectChoice {
  readonly prune?: Readonly<Record<string, unknown>>;
  readonly calibration?: Readonly<Record<string, unknown>>;
  readonly passes?: number;
  /** Windows that objectives run the model on, and tokens in each. */
  readonly windows?: number;
  readonly tokens?: number;
}

/** Opens a subject of a session file; by default CRePE at 2:4, with four short samples and two windows of 32 tokens. */
export async function openRealSubject(path: string, choice: SubjectChoice = {}): Promise<OpenedSubject> {
  const { prune = { method: "crepe", pattern: "2:4" }, calibration = { count: 4, length: 64 } } = choice;
  const { passes = 1, windows = 2, tokens: count = 32 } = choice;
  const option = { ...prune, calibration: { texts: CALIBRATION_TEXT, ...calibration } };
  const options = resolvePruneOption(option).forFile("model") as ResolvedPrune;
  const tokenizer = await austenTokenizer();
  const tokens = cutWindows(EVALUATION_TEXT, tokenizer, { count: windows, length: count, bos: false });
  const samples = await openSamples(options.calibration, async () => tokenizer, "model");
  const plan = await openPlan({ input: path, name: "model" }, options);
  const [runtime, device] = [testRuntime(), createCpuDevice()];
  const close = async () => {
    await device.close();
    await plan.model.onnx.close();
  };
  try {
    const given = { plan, runtime, sessionOptions: ONE_THREAD, device, samples, passes, tokens, seed: 1 };
    return { subject: await openSubject(given), samples, runtime, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A subject of any model, without statistics: text need not be enough to run it. */
export async function openUncalibrated(path: string): Promise<Pick<OpenedSubject, "subject" | "runtime" | "close">> {
  const options = resolvePruneOption({ method: "magnitude", sparsity: 0.5 }).forFile("model") as ResolvedPrune;
  const plan = await openPlan({ input: path, name: "model" }, options);
  const { model, targets, layers } = plan;
  const [runtime, device, dense] = [testRuntime(), createCpuDevice(), await DenseWeights.read(targets)];
  const masked = new MaskedWeights({ layers, device, dense, statistics: [] });
  const own = { plan, model, targets, runtime, device, dense, masked };
  const subject = { ...own, sessionOptions: ONE_THREAD, statistics: [], tokens: [[1, 2, 3, 4]], seed: 1 };
  const close = async () => {
    await device.close();
    await model.onnx.close();
  };
  return { subject, runtime, close };
}

/** The first windows of the text to judge on. */
export const evaluationWindows = async (count: number, length: number): Promise<number[][]> =>
  cutWindows(EVALUATION_TEXT, await austenTokenizer(), { count, length, bos: false });

/** A candidate of the method's untuned coefficients with changes, at a sparsity by row unless told. */
export function candidateAt(
  pattern: number | Candidate["pattern"],
  all: Readonly<Record<string, number>> = {},
  method: MethodName = "crepe",
): Candidate {
  return {
    method,
    pattern: typeof pattern === "number" ? { kind: "unstructured", sparsity: pattern, scope: "row" } : pattern,
    coefficients: { all: { ...methodOf(method).untuned, ...all } },
    passes: 1,
  };
}

export const TWO_OF_FOUR: Candidate["pattern"] = { kind: "n:m", keep: 2, of: 4, permute: false };
