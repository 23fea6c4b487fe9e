/**
 * What the command line needs done: three calls, so that it can be tested without a model. bin.ts
 * hands in the real ones.
 */
import type { WeightKind } from "../graph/index.js";
import type { PruneOption } from "../options/index.js";
import type { RunControl } from "../progress.js";
import type { PruneReport } from "../report.js";
import type { Io } from "./io.js";

/** How a model is found and opened; names as in transformers.js. */
export interface LoadOptions {
  readonly dtype?: string;
  readonly cache_dir?: string;
  readonly local_files_only?: boolean;
  readonly revision?: string;
}

export interface PruneModelOptions extends LoadOptions, RunControl {
  readonly prune: PruneOption;
  /** Folder to write the pruned model to. */
  readonly out: string;
  /** Overwrite `out` where it exists and is not empty. */
  readonly force?: boolean;
  /** Worker threads that compute masks. */
  readonly threads?: number;
}

export interface PruneResult {
  readonly out: string;
  /** One per session file. */
  readonly reports: readonly PruneReport[];
}

export interface EvaluateModelOptions extends LoadOptions, RunControl {
  /** The text itself. */
  readonly text: string;
  /** Tokens in a window. */
  readonly length: number;
  /** Windows, from the start of the text. */
  readonly windows: number;
  /** Start every window with the tokenizer's BOS (then it holds length − 1 text tokens). */
  readonly bos?: boolean;
}

export interface Evaluation {
  readonly model: string;
  readonly perplexity: number;
  /** Tokens that were predicted. */
  readonly tokens: number;
  readonly windows: number;
  readonly length: number;
  readonly dtype: string;
  readonly seconds: number;
}

/** A weight that `prune` would prune. */
export interface InspectedWeight {
  readonly name: string;
  readonly kind: WeightKind;
  readonly layer: number | null;
  /** [out, in] */
  readonly shape: readonly [number, number];
  readonly dtype: string;
  /** Share of zeros in the file as it is, 0 … 1. */
  readonly sparsity: number;
}

export interface InspectedFile {
  /** Session file, without folder and extension. */
  readonly file: string;
  readonly bytes: number;
  /** All weights of the file, biases, norms and embeddings included. */
  readonly parameters: number;
  readonly weights: readonly InspectedWeight[];
  /** What `prune` would leave dense, and why. */
  readonly dense: readonly { readonly name: string; readonly reason: string }[];
}

export interface InspectReport {
  readonly model: string;
  readonly files: readonly InspectedFile[];
}

/** What the command line can do. */
export interface Commands {
  pruneModel(model: string, options: PruneModelOptions): Promise<PruneResult>;
  evaluateModel(model: string, options: EvaluateModelOptions): Promise<Evaluation>;
  inspectModel(model: string, options: LoadOptions & RunControl): Promise<InspectReport>;
}

/** What each command has at hand. */
export interface CliContext {
  readonly io: Io;
  readonly commands: Commands;
}
