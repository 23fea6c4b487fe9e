/**
 * What the tuning benchmarks share: a model opened for tuning, with real perplexity on two texts, one to
 * tune on and one that tuning never sees.
 */
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { cutWindows, openSamples } from "../../src/calibrate/index.js";
import { createCpuDevice } from "../../src/compute/cpu/index.js";
import type { Device } from "../../src/compute/index.js";
import { hostRuntime, onnxRuntime } from "../../src/hook/host.js";
import { loadTokenizer } from "../../src/hook/location.node.js";
import { resolvePruneOption } from "../../src/options/index.js";
import type { ResolvedPrune } from "../../src/options/types.js";
import { openPlan } from "../../src/prune/index.js";
import { METHODS } from "../../src/score/index.js";
import { type Candidate, type Judge, openSubject, perplexityJudge, type Subject } from "../../src/tune/index.js";

/** Texts and lengths of protocol P1, and a stretch of the calibration text behind what is calibrated on. */
export interface Protocol {
  readonly calibration: string;
  readonly evaluation: string;
  readonly length: number;
  readonly count: number;
  readonly windows: number;
}

/** A model ready for experiments. Close it when done. */
export interface Laboratory {
  readonly subject: Subject;
  /** A judge on the calibration text, behind what is calibrated on; each has to measure for itself. */
  tuning(): Judge;
  /** Judges on the evaluation text (protocol P1). */
  readonly heldOut: Judge;
  /** Judges on the evaluation text behind what protocol P1 looks at: on `BEHIND` windows that have chosen nothing. */
  readonly behind: Judge;
  close(): Promise<void>;
}

/** Windows of the evaluation text behind those of protocol P1. */
export const BEHIND = 40;

/** Protocol P1 of a model directory: WikiText-2 for SmolLM2, Jane Austen for the small ones. */
export function protocolOf(model: string, texts: string): Protocol {
  const isAusten = basename(model).startsWith("austen");
  const read = (file: string) => readFileSync(join(texts, file), "utf8");
  return isAusten
    ? {
        calibration: read("calibration.txt"),
        evaluation: read("persuasion.txt"),
        length: 256,
        count: 32,
        windows: 64,
      }
    : {
        calibration: read("wikitext2-valid.txt"),
        evaluation: read("wikitext2-test.txt"),
        length: 512,
        count: 32,
        windows: 16,
      };
}

export interface LaboratoryOptions {
  /** `{ pattern: "2:4" }` or `{ sparsity: 0.5 }`. */
  readonly prune: object;
  readonly passes?: number;
  /** Tokens that objectives run the model on. */
  readonly tokens: number;
  /** Windows to tune on; by default as many as the protocol judges on. */
  readonly windows?: number;
  readonly device?: (device: Device) => Device;
}

export async function openLaboratory(model: string, texts: string, options: LaboratoryOptions): Promise<Laboratory> {
  const protocol = protocolOf(model, texts);
  const { length, count } = protocol;
  const windows = options.windows ?? protocol.windows;
  const tokenizer = await loadTokenizer(model, null, { local_files_only: true });
  const calibration = { texts: protocol.calibration, count, length };
  const wanted = resolvePruneOption({
    method: "crepe",
    coefficients: METHODS.crepe.untuned,
    ...options.prune,
    calibration,
  }).forFile("model") as ResolvedPrune;
  const plan = await openPlan({ input: join(model, "onnx", "model.onnx"), name: "model" }, wanted);
  const samples = await openSamples(wanted.calibration, async () => tokenizer, "model");
  // Behind the calibration windows: first those to tune on, then those for objectives.
  const objectiveWindows = Math.ceil(options.tokens / length);
  const behind = cutWindows(protocol.calibration, tokenizer, {
    count: count + windows + objectiveWindows,
    length,
    bos: false,
  });
  const inner = createCpuDevice();
  const device = options.device?.(inner) ?? inner;
  const runtime = hostRuntime((bytes, given) => onnxRuntime().InferenceSession.create(bytes, given));
  const subject = await openSubject({
    plan,
    runtime,
    sessionOptions: {},
    device,
    samples,
    passes: options.passes ?? 1,
    tokens: behind.slice(-objectiveWindows).map((ids) => ids.slice(0, options.tokens)),
    seed: 0,
  });
  const evaluation = cutWindows(protocol.evaluation, tokenizer, {
    count: protocol.windows + BEHIND,
    length,
    bos: false,
  });
  return {
    subject,
    tuning: () => perplexityJudge({ subject, samples, windows: behind.slice(count, count + windows) }),
    heldOut: perplexityJudge({ subject, samples, windows: evaluation.slice(0, protocol.windows) }),
    behind: perplexityJudge({ subject, samples, windows: evaluation.slice(protocol.windows) }),
    close: async () => {
      await inner.close();
      await plan.model.onnx.close();
    },
  };
}

/** RIA and Wanda as candidates, each with the scope of its own code. */
export function baselines({ plan: { pattern } }: Subject): Record<"ria" | "wanda", Candidate> {
  const of = (method: "ria" | "wanda"): Candidate => ({
    method,
    pattern: pattern.kind === "unstructured" ? { ...pattern, scope: METHODS[method].defaultScope } : pattern,
    coefficients: { all: {} },
    passes: 1,
  });
  return { ria: of("ria"), wanda: of("wanda") };
}

/** A candidate's coefficients in one line. */
export const inWords = ({ coefficients: { all }, passes }: Candidate): string =>
  `${Object.entries(all)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ")}${passes > 1 ? `, ${passes} passes` : ""}`;
