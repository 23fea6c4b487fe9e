/** What a tuning says of itself: plain data, for `--json`, the HTML page and the record. */
import type { RecordedJudge } from "../registry/index.js";
import type { Candidate } from "./candidate.js";
import type { ObjectiveName } from "./objectives/index.js";
import type { OptimiserName } from "./optimise/index.js";
import type { SearchStep } from "./search.js";
import type { Study } from "./study.js";
import type { ObjectiveCost } from "./timed-objective.js";

/** A candidate that was judged. */
export interface Finalist {
  /** `"search"`: found by it. `"study"`: the best of the study. `"start"`: known before, such as what the method makes of another method. */
  readonly from: "search" | "study" | "start";
  readonly candidate: Candidate;
  /** null where the search did not measure it. */
  readonly value: number | null;
  /** The judge's figure, lower is better. */
  readonly judged: number;
}

/** What the search was told to lower or to raise. `"learned"` is the combination that the study found. */
export interface SearchedObjective extends ObjectiveCost {
  readonly name: ObjectiveName | "learned";
  readonly better: "lower" | "higher";
  /** Spearman's ρ with the judge's figures in the study, null without one. */
  readonly spearman: number | null;
}

export interface TuneReport {
  /** Hub id or directory. */
  readonly model: string;
  readonly family: string | null;
  readonly dtype: string;
  readonly method: string;
  /** As a user writes it: `"2:4"`. */
  readonly pattern: string;
  /** What the statistics were collected on, in words. */
  readonly calibration: string;
  /** By what candidates were judged, and on which text where that was perplexity. */
  readonly judge: RecordedJudge;
  readonly objective: SearchedObjective;
  readonly optimiser: OptimiserName;
  readonly seed: number;
  /** What the dimensions of the search are: `row`, `down.power`, … */
  readonly dimensions: readonly string[];
  readonly steps: readonly SearchStep[];
  /** The best first. */
  readonly finalists: readonly Finalist[];
  readonly chosen: Finalist;
  /**
   * Whether the chosen one is judged better than RIA and Wanda. If not, it is the best that there
   * is within the method's coefficients, and no record is kept.
   */
  readonly accepted: boolean;
  /** The judge's figures that decided; the lower is the better. */
  readonly judged: { readonly dense: number; readonly ria: number; readonly wanda: number; readonly tuned: number };
  /** What was decided for the user, in words. */
  readonly notes: readonly string[];
  /** What computed the masks, and measured what it can: `"cpu"`, or `"webgpu"` with its adapter. */
  readonly device: string;
  readonly study: Study | null;
  readonly seconds: Readonly<Record<"prepare" | "study" | "search" | "check" | "total", number>>;
}

/** RIA or Wanda: whichever is judged better. */
export function betterBaseline({ ria, wanda }: TuneReport["judged"]): { name: "ria" | "wanda"; judged: number } {
  return wanda < ria ? { name: "wanda", judged: wanda } : { name: "ria", judged: ria };
}
