/** What a fuzzing process is told and what it says: one line of JSON each. Types only. */
import type { Outcome } from "./journey.js";

/** Models of the corpus unchanged, or mutants `begin` … `end`, at most for so many seconds. */
export type Task = {
  /** The repository. */
  readonly root: string;
  readonly begin: number;
} & (
  | { readonly kind: "corpus" }
  | { readonly kind: "mutants"; readonly seed: number; readonly end: number; readonly seconds: number }
);

/** A model that did what no model may do. */
export interface Failure {
  readonly index: number;
  /** The model that it was made of. */
  readonly from: string;
  /** Length of the .onnx. */
  readonly bytes: number;
  readonly error: string;
}

export type Line =
  | { readonly kind: "begin"; readonly index: number }
  | ({ readonly kind: "end"; readonly index: number; readonly from: string } & Outcome)
  | ({ readonly kind: "failure" } & Failure)
  | { readonly kind: "done"; readonly peakBytes: number };
