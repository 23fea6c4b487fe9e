/** The table of objectives. Adding one is one file here and one line below; options, help text and study read it. */
import type { Objective } from "../objective.js";
import { blockCosine, blockError } from "./block-drift.js";
import { diagonalError } from "./diagonal-error.js";
import { giniKept, giniMasked, giniPruned } from "./gini.js";
import { hiddenDrift } from "./hidden-drift.js";
import { kl, likelihood } from "./logits.js";
import { outputError } from "./output-error.js";

export const OBJECTIVES = {
  gini: giniMasked,
  "gini-kept": giniKept,
  "gini-pruned": giniPruned,
  "diagonal-error": diagonalError,
  "output-error": outputError,
  "block-error": blockError,
  "block-cosine": blockCosine,
  "hidden-drift": hiddenDrift,
  kl,
  likelihood,
} as const satisfies Record<string, Objective>;

/** Name of an objective. */
export type ObjectiveName = keyof typeof OBJECTIVES;

export const OBJECTIVE_NAMES = Object.keys(OBJECTIVES) as ObjectiveName[];

/** The row of the table, as data any objective shares. */
export const objectiveOf = (name: ObjectiveName): Objective => OBJECTIVES[name];
