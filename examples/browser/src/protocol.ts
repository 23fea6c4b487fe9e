/**
 * What the page and its worker say to each other. The page asks, with a number; the worker answers each
 * number once, and in between reports progress and text. Everything here survives structured cloning.
 */
import type { PruneOptions, PruneReport } from "transformers-prune";
import type { MaskTiles } from "./mask-tiles.js";

/** Where a model comes from. A folder brings its files along. */
export type ModelChoice =
  | { readonly from: "embedded" }
  | { readonly from: "hub"; readonly id: string }
  | { readonly from: "folder"; readonly name: string; readonly files: readonly FolderFile[] };

/** A file of a folder, by its path inside: `onnx/model.onnx`. */
export interface FolderFile {
  readonly path: string;
  readonly blob: Blob;
}

export type DeviceName = "webgpu" | "wasm";

/** Files of a model that transformers.js can be asked for, by how numbers are stored in them. */
export const DTYPES = ["fp32", "fp16", "q8", "int8", "uint8", "q4", "q4f16", "bnb4"] as const;
export type Dtype = (typeof DTYPES)[number];

export type Encoding = "packed" | "dense";

/** How much time pruning may take, as the library's option has it. */
export type PresetName = NonNullable<PruneOptions["preset"]>;

/** A prune as the form has it. */
export interface Settings {
  readonly model: ModelChoice;
  readonly device: DeviceName;
  readonly dtype: Dtype;
  readonly preset: PresetName;
  /** What scores weights, for the preset that only makes masks. */
  readonly method: string;
  /** `"2:4"`, or a share of zeros, 0 … 1. */
  readonly amount: string | number;
  /** How the pruned model is stored, as the library's option. */
  readonly encoding: Encoding;
  /** As the library's option; a file for `"from a file"`. */
  readonly coefficients: "auto" | "default" | Blob;
  readonly calibration: { readonly text: string | null; readonly samples: number; readonly length: number };
}

/** What the form offers, known when the library is loaded. */
export interface Offer {
  readonly version: string;
  readonly methods: readonly { readonly name: string; readonly summary: string; readonly hasCoefficients: boolean }[];
  /** Null where a GPU can be used, else why not. */
  readonly gpuRefusal: string | null;
}

/** A prune that is done. */
export interface Outcome {
  /** As a user would name it. */
  readonly model: string;
  readonly reports: readonly PruneReport[];
  readonly seconds: number;
}

export const SIDES = ["dense", "pruned"] as const;
export type Side = (typeof SIDES)[number];

/** Perplexity of both sides. */
export interface Measured {
  readonly perplexity: Readonly<Record<Side, number>>;
  /** Tokens that were predicted. */
  readonly tokens: number;
}

/** Every question with what it carries and what it is answered with. All but `offer` and `prune` are about the last prune. */
export interface Calls {
  offer: { ask: object; answer: Offer };
  prune: { ask: { readonly settings: Settings }; answer: Outcome };
  generate: { ask: { readonly prompt: string; readonly tokens: number }; answer: null };
  measure: { ask: { readonly text: string | null; readonly windows: number }; answer: Measured };
  mask: { ask: { readonly weight: string; readonly row: number; readonly channel: number }; answer: MaskTiles };
  files: { ask: object; answer: readonly FolderFile[] };
  zip: { ask: object; answer: Blob };
  coefficients: { ask: object; answer: Blob };
}

export type Kind = keyof Calls;

/** A question, or the wish that the current one be given up. */
export type Message =
  | { [K in Kind]: { readonly kind: K; readonly id: number } & Calls[K]["ask"] }[Kind]
  | { readonly kind: "stop" };

/** Parts of a long task, in the order in which they come. */
export const PHASES = {
  fetch: "Fetch the model",
  read: "Read it",
  calibrate: "Calibrate",
  mask: "Score and mask",
  update: "Update what stays",
  write: "Write the pruned model",
  cache: "Keep it in the browser",
  load: "Open it",
  evaluate: "Measure",
} as const;
export type PhaseName = keyof typeof PHASES;

/** What comes back. */
export type Reply =
  | { readonly kind: "answer"; readonly id: number; readonly value: Calls[Kind]["answer"] }
  | { readonly kind: "failure"; readonly id: number; readonly message: string; readonly isStop: boolean }
  | {
      readonly kind: "progress";
      readonly phase: PhaseName;
      readonly item: string;
      readonly done: number;
      readonly total: number;
    }
  | { readonly kind: "text"; readonly side: Side; readonly text: string };
