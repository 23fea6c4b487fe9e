/**
 * What the main thread and a worker say to each other, and what the kernel exports. Types only:
 * work.mjs is plain JavaScript and reads them through JSDoc.
 */
import type { ScoreTerms } from "../../score/index.js";
import type { QuantisedCoding } from "../../tensor/coding.js";
import type { FloatType } from "../../tensor/dtypes.js";
import type { Shape, StorageOrder } from "../../tensor/matrix.js";

/** In which sets scores compete, and how many of each set stay. */
export interface Selection {
  readonly rule: "group" | "row" | "matrix" | "permuted";
  readonly keepCount: number;
  /** M of N:M, for the rules `group` and `permuted`; else 1. */
  readonly groupSize: number;
}

/** One job for a worker. */
export interface WorkerJob {
  readonly shape: Shape;
  readonly order: StorageOrder;
  readonly dtype: FloatType;
  readonly terms: ScoreTerms;
  readonly channelFactor: Float32Array;
  readonly selection: Selection;
  /** What the stored elements are where they are codes; `dtype` is float32 then. */
  readonly coding: QuantisedCoding | null;
  /** Where the out · in stored elements are. */
  readonly source:
    | { readonly kind: "file"; readonly path: string; readonly byteOffset: number }
    | { readonly kind: "memory"; readonly bytes: Uint8Array };
}

/** A worker's answer. The main thread, which knows the weight's name, turns all but the first into errors. */
export type WorkerReply =
  | { readonly kind: "mask"; readonly bits: Uint8Array; readonly retained: number }
  /** `count` values are NaN or Inf, the first of them at (out, in). */
  | { readonly kind: "not-finite"; readonly count: number; readonly out: number; readonly in: number }
  | { readonly kind: "unreadable"; readonly cause: Error }
  | { readonly kind: "too-large"; readonly bytes: number }
  | { readonly kind: "failed"; readonly cause: Error };

/** Globals of the kernel that say what a job is; the host sets them (kernel/plan.ts). */
export type JobGlobal =
  | "outputs"
  | "inputs"
  | "dtype"
  | "outputMajor"
  | "rowCoefficient"
  | "columnCoefficient"
  | "windowCoefficient"
  | "oneCoefficient"
  | "size"
  | "rule"
  | "keepCount"
  | "groupSize"
  | "codeBits"
  | "signedCodes"
  | "rowElements"
  | "rowGroup"
  | "columnGroup";

/** What the kernel exports (kernel/index.ts). */
export interface Kernel extends Readonly<Record<JobGlobal, WebAssembly.Global>> {
  readonly memory: WebAssembly.Memory;
  /** Bytes of memory that the job needs. */
  readonly plan: () => number;
  readonly startWeight: () => void;
  /** From codes to the staging area. */
  readonly decodeRows: (first: number, rows: number) => void;
  /** From the staging area to the weight. */
  readonly convertRows: (first: number, rows: number) => void;
  /** How many values are NaN or Inf. */
  readonly limitRange: () => number;
  /** Gives the share of the scores that stays. */
  readonly mask: () => number;
  /** Addresses. */
  readonly staging: WebAssembly.Global;
  readonly codes: WebAssembly.Global;
  readonly scales: WebAssembly.Global;
  readonly zeros: WebAssembly.Global;
  readonly factor: WebAssembly.Global;
  readonly bits: WebAssembly.Global;
  /** How many stored rows fit in the staging area. */
  readonly stagingRows: WebAssembly.Global;
  /** Where the first NaN or Inf is. */
  readonly badOutput: WebAssembly.Global;
  readonly badInput: WebAssembly.Global;
}
