/**
 * What a run says of itself: plain data, the same for `onReport`, `prune.json` and `--json`.
 * Sparsities are ratios 0 … 1 measured on the bytes that were written; sizes are bytes; times seconds.
 */
import type { Skipped, WeightKind } from "./graph/index.js";
import type { PruneMethodName, ReconstructionName, RepairName, UpdateParameters } from "./reconstruct/table.js";
import type { Coefficients } from "./score/index.js";

/** One weight that was pruned. */
export interface WeightReport {
  readonly name: string;
  readonly kind: WeightKind;
  readonly layer: number | null;
  /** [out, in] */
  readonly shape: readonly [number, number];
  /** How it is stored: `float16`, `uint4 in blocks of 32`, … */
  readonly dtype: string;
  /** Weights the mask set to zero. */
  readonly zeros: number;
  /** Share of zeros in the written weight, those it already had included. */
  readonly sparsity: number;
  /** Calibration tokens that reached it; 0 where the method needs none. */
  readonly tokens: number;
  /**
   * Share of its total score that the kept weights hold, 0 … 1, by the method's scores of the last pass; by |w| · ‖x‖
   * where an update chose or refined the mask. A figure of the mask and not of quality; comparable between masks of one
   * weight by one method.
   */
  readonly retained: number;
  /**
   * Where weights were updated: ‖(W − W′) X‖² / ‖W X‖² on the inputs of the calibration, W being what the layer was
   * held to and W′ what is stored now, with the norm before it where that was repaired.
   */
  readonly error?: number;
  /** With the packed encoding: how it is stored, in how many bytes, and why where it stayed dense. */
  readonly stored?:
    | { readonly encoding: "packed"; readonly bytes: number }
    | { readonly encoding: "dense"; readonly bytes: number; readonly reason: string };
}

/** Bytes of a file in other encodings, data files included. */
export interface ByteComparison {
  /** Zeros stored like any other value. */
  readonly dense: number;
  /** Pruned weights packed where that makes them smaller; null where the model is too old for it. */
  readonly packed: number | null;
  /** The dense file after compression, where that was asked for. */
  readonly compressed?: { readonly gzip: CompressedBytes; readonly brotli: CompressedBytes };
}

/** What a compression made of a file. */
export interface CompressedBytes {
  readonly level: number;
  readonly bytes: number;
}

/** What a prune is about to do to a session file. Fields are as in {@link PruneReport}. */
export interface PlannedFile
  extends Pick<
    PruneReport,
    | "file"
    | "method"
    | "pattern"
    | "coefficients"
    | "byKind"
    | "byDepth"
    | "coefficientsFrom"
    | "reconstruct"
    | "updateParameters"
    | "sequential"
    | "target"
    | "repair"
    | "passes"
    | "calibration"
    | "zeros"
    | "prunable"
    | "parameters"
    | "skipped"
  > {
  readonly encoding: "dense" | "packed";
  readonly weights: readonly Pick<WeightReport, "name" | "kind" | "layer" | "shape" | "dtype" | "zeros">[];
  readonly bytes: Pick<PruneReport["bytes"], "source">;
}

export interface PruneReport {
  /** Session file, without folder and extension: `model`, `decoder_model_merged_fp16`, … */
  readonly file: string;
  readonly method: PruneMethodName;
  /** As a user writes it: `"2:4"`, `"50% by row"`. */
  readonly pattern: string;
  /** Of all weights that `byKind` and `byDepth` leave. */
  readonly coefficients: Coefficients;
  /** By kind of weight, where they differ by it. */
  readonly byKind?: Readonly<Record<string, Coefficients>>;
  /** By depth, first blocks first, where they differ by it. */
  readonly byDepth?: readonly Coefficients[];
  /**
   * Where they are from: `"given"`, `"default"`, a file, `"tuned on this model (…)"`,
   * `"tuned on family llama/512 (…)"`, `"shipped for family …"`, or `"untuned: …"` and why.
   */
  readonly coefficientsFrom: string;
  /**
   * With `verify`: perplexities of the method's masks and of RIA's on `tokens` predicted tokens, whether
   * calibration has seen none of them (`unseen`), and whose were kept. Where RIA's were, `method` and what follows from it say so. Absent where there was nothing to compare.
   */
  readonly verified?: {
    readonly own: number;
    readonly ria: number;
    readonly tokens: number;
    readonly unseen: boolean;
    readonly kept: "own" | "ria";
  };
  /** What made up for the mask; null: nothing, kept weights are as they were. */
  readonly reconstruct: ReconstructionName | null;
  /** What it was told beside its name; absent where it can be told nothing. */
  readonly updateParameters?: Readonly<Partial<UpdateParameters>>;
  /** Whether layers were calibrated behind the pruned ones before them: each activation by itself, or in so many groups. */
  readonly sequential: "input" | number | null;
  /** What layers were held to; `"outputs"` of the dense model, or their own weights. */
  readonly target: "weights" | "outputs";
  readonly repair: readonly RepairName[];
  /** Where weights were updated: groups of layers whose second moments were collected one after the other. */
  readonly groups?: number;
  readonly passes: number;
  /** What the statistics were collected on, in words; `"none"` where the method needs none. */
  readonly calibration: string;
  /** What computed the masks: `"runtime"` where they follow from updates, else `"cpu"`, or `"webgpu"` with its adapter; `notes` say which weights it refused and why. */
  readonly device: string;
  /** Weights the masks set to zero, over all pruned weights. */
  readonly zeros: number;
  /** Weights in the matrices that were pruned. */
  readonly prunable: number;
  /** All weights of the file, biases, norms and embeddings included. */
  readonly parameters: number;
  readonly weights: readonly WeightReport[];
  /** What stayed dense and why. */
  readonly skipped: readonly Skipped[];
  /** What did not go as asked for, in sentences; empty as a rule. */
  readonly notes: readonly string[];
  readonly seconds: Readonly<Record<"read" | "calibrate" | "mask" | "update" | "write" | "total", number>>;
  readonly bytes: {
    readonly source: number;
    /** As large as the source unless packed: zeros are stored like any other value. 0 when pruned in memory only. */
    readonly written: number;
    /** With the packed encoding, or where `compareBytes` asked for it. */
    readonly compared?: ByteComparison;
  };
  readonly fromCache: boolean;
}
