/**
 * What the main thread and a worker say to each other, and what the kernel exports. Types only:
 * worker.mjs is plain JavaScript and reads them through JSDoc.
 */
import type { ScoreTerms } from "../../score/index.js";
import type { FloatType } from "../../tensor/dtypes.js";
import type { Shape, StorageOrder } from "../../tensor/matrix.js";

/** In which sets scores compete, and how many of each set stay. */
export interface Selection {
  readonly rule: "group" | "row" | "matrix";
  readonly keepCount: number;
  /** M of N:M; 1 for the other rules. */
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
  /** Where the out · in stored elements are. */
  readonly source:
    | { readonly kind: "file"; readonly path: string; readonly byteOffset: number }
    | { readonly kind: "memory"; readonly bytes: Uint8Array };
}

/** A worker's answer. The main thread, which knows the weight's name, turns all but the first into errors. */
export type WorkerReply =
  | { readonly kind: "mask"; readonly bits: Uint8Array }
  /** `count` values are NaN or Inf, the first of them at (out, in). */
  | { readonly kind: "not-finite"; readonly count: number; readonly out: number; readonly in: number }
  | { readonly kind: "unreadable"; readonly cause: Error }
  | { readonly kind: "too-large"; readonly bytes: number }
  | { readonly kind: "failed"; readonly cause: Error };

/** Exports of the kernel, see kernel/index.ts. Globals are addresses unless said otherwise. */
export interface Kernel {
  readonly memory: WebAssembly.Memory;
  readonly plan: (
    ...job: [
      outputs: number,
      inputs: number,
      dtype: number,
      outputMajor: boolean,
      row: number,
      column: number,
      window: number,
      one: number,
      size: number,
      rule: number,
      keepCount: number,
      groupSize: number,
    ]
  ) => number;
  readonly startWeight: () => void;
  readonly convertRows: (first: number, rows: number) => void;
  readonly limitRange: () => number;
  readonly mask: () => void;
  readonly staging: WebAssembly.Global;
  /** Rows, not an address. */
  readonly stagingRows: WebAssembly.Global;
  readonly factor: WebAssembly.Global;
  readonly bits: WebAssembly.Global;
  /** Where the first NaN or Inf is. */
  readonly badOutput: WebAssembly.Global;
  readonly badInput: WebAssembly.Global;
}
