/** Drives `main` with captured streams and commands that do no work but remember how they were called. */
import { Writable } from "node:stream";
import type { Commands } from "../../src/cli/commands.js";
import type { OutputStream } from "../../src/cli/io.js";
import { main } from "../../src/cli/main.js";
import type { EvaluationReport, InspectReport, PruneEstimate, TuneResult } from "../../src/hook/index.js";
import type { ProgressEvent } from "../../src/progress.js";
import type { PruneReport } from "../../src/report.js";
import { recordOf } from "../registry/arbitrary-record.js";
import { madeUpReport } from "../tune/page/made-up-report.js";

export const REPORT: PruneReport = {
  file: "model",
  method: "crepe",
  pattern: "2:4",
  coefficients: { row: 0, column: 0.54, window: 0.46, size: 31, power: 0.8, shape: 0 },
  coefficientsFrom: "tuned on this model (drift, 2026-01-31)",
  passes: 1,
  calibration: "built-in text, 32 samples of 512 tokens",
  device: "cpu",
  zeros: 53_084_160,
  prunable: 106_168_320,
  parameters: 134_515_008,
  weights: [
    {
      name: "layers.0.self_attn.q_proj",
      kind: "q",
      layer: 0,
      shape: [576, 576],
      dtype: "float32",
      zeros: 165_888,
      sparsity: 0.5,
      tokens: 16_384,
      retained: 0.8125,
    },
  ],
  skipped: [
    { name: "lm_head", reason: "shares its weight with the embedding" },
    { name: "a", reason: "not included" },
    { name: "b", reason: "not included" },
    { name: "c", reason: "not included" },
    { name: "d", reason: "not included" },
  ],
  notes: [],
  reconstruct: null,
  sequential: null,
  target: "weights",
  repair: [],
  seconds: { read: 0.3, calibrate: 22.4, update: 0, mask: 2.1, write: 0.8, total: 25.6 },
  bytes: { source: 539_285_833, written: 539_285_833 },
  fromCache: false,
};

export const EVALUATION: Omit<EvaluationReport, "model"> = {
  perplexity: 29.602,
  tokens: 8176,
  windows: 16,
  length: 512,
  stride: null,
  dtype: "fp32",
  seconds: 12.34,
};

/** A dry run of what {@link REPORT} reports. */
export const ESTIMATE: Omit<PruneEstimate, "model"> = {
  out: { path: "/models/pruned", holds: "nothing" },
  files: [
    {
      file: "model",
      method: "crepe",
      pattern: "2:4",
      coefficients: REPORT.coefficients,
      coefficientsFrom: REPORT.coefficientsFrom,
      reconstruct: null,
      sequential: null,
      target: "weights",
      repair: [],
      passes: 1,
      calibration: "32 samples of 512 tokens of the built-in text",
      encoding: "dense",
      zeros: 53_084_160,
      prunable: 106_168_320,
      parameters: 134_515_008,
      weights: [0, 1].flatMap((layer) => [
        { name: `layers.${layer}.q`, kind: "q", layer, shape: [576, 576], dtype: "float32", zeros: 165_888 },
        { name: `layers.${layer}.down`, kind: "down", layer, shape: [576, 1536], dtype: "float32", zeros: 442_368 },
      ]),
      skipped: REPORT.skipped,
      bytes: { source: 539_285_833 },
      cached: null,
      memory: { read: 280e6, calibrate: 1.21e9, update: 0, mask: 300e6, write: 620e6 },
      seconds: { read: 1, calibrate: 42, update: 0, mask: 2.5, write: 2 },
      speeds: { hash: 8.1e8, mask: 6e7, zero: 1.3e8, forward: { multiply: 1.5e11, elementwise: 3e9 } },
    },
  ],
  dense: [],
  memory: 1.21e9,
  seconds: 47.5,
  notes: [],
};

const FLOAT32 = { bits: 32, blockSize: null, zeroPoint: null } as const;

export const INSPECTED: InspectReport = {
  model: "smol",
  files: [
    {
      file: "model",
      bytes: 539_285_833,
      parameters: 1_500_000,
      weights: [
        {
          ...{ name: "layers.0.self_attn.q_proj", kind: "q", layer: 0, shape: [576, 576], dtype: "float32" },
          ...{ coding: FLOAT32, sparsity: 0.5, stored: { encoding: "dense", bytes: 1_327_104 } },
        },
        {
          ...{ name: "layers.10.mlp.down_proj", kind: "down", layer: 10, shape: [576, 1536], dtype: "float32" },
          ...{ coding: FLOAT32, sparsity: 0, stored: { encoding: "dense", bytes: 3_538_944 } },
        },
      ],
      dense: [{ name: "lm_head", reason: "shares its weight with the embedding" }],
    },
  ],
};

const TUNE_REPORT = madeUpReport({ model: "smol" });

export const TUNED: TuneResult = {
  record: recordOf({
    coefficients: TUNE_REPORT.chosen.candidate.coefficients,
    objective: TUNE_REPORT.objective.name,
    judged: TUNE_REPORT.judged,
  }),
  report: TUNE_REPORT,
  registered: true,
};

/** A stream that keeps what is written to it. */
export class Capture extends Writable {
  text = "";
  readonly isTTY: boolean;
  readonly columns?: number;

  constructor(isTTY = false, columns?: number) {
    super();
    this.isTTY = isTTY;
    if (columns !== undefined) this.columns = columns;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

/** A progress event of a phase, half of the whole done. */
export const event = (phase: ProgressEvent["phase"], done: number, total: number, item = "", file = "model") =>
  ({ phase, file, done, total, item, percent: 50 }) satisfies ProgressEvent;

/** One call of a command: its name, the model and the options. */
export type Call = readonly [name: keyof Commands, model: string, options: Readonly<Record<string, unknown>>];

export interface RunOptions {
  /** Replaces commands of the harness. */
  readonly commands?: Partial<Commands>;
  readonly isTTY?: boolean;
  /** Width of the terminal. */
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Runs one command line. */
export async function run(argv: readonly string[], options: RunOptions = {}) {
  const stdout = new Capture(options.isTTY, options.columns);
  const stderr = new Capture(options.isTTY, options.columns);
  const calls: Call[] = [];
  const commands: Commands = {
    pruneModel: async (_, { out }) => ({ out, reports: [REPORT] }),
    estimatePrune: async (model) => ({ ...ESTIMATE, model }),
    evaluateModel: async (model) => ({ ...EVALUATION, model }),
    inspectModel: async () => INSPECTED,
    tune: async () => TUNED,
    listCoefficients: async () => [],
    importCoefficients: async () => [],
    exportCoefficients: async () => [],
    ...options.commands,
  };
  const recorded = Object.fromEntries(
    Object.entries(commands).map(([name, command]) => [
      name,
      (model: string, given: never) => {
        calls.push([name as keyof Commands, model, given]);
        return command(model, given);
      },
    ]),
  ) as unknown as Commands;
  const io = {
    stdout: stdout satisfies OutputStream,
    stderr: stderr satisfies OutputStream,
    env: options.env ?? {},
    signal: options.signal ?? new AbortController().signal,
  };
  const code = await main(argv, io, recorded);
  return { code, stdout: stdout.text, stderr: stderr.text, calls };
}
