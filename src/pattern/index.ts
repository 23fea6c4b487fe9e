/** Patterns and masks: what a group is, how many stay, and which. */

import type { Shape } from "../tensor/matrix.js";
import { nOfM } from "./n-of-m.js";
import type { Pattern, PatternForm } from "./pattern.js";
import { unstructured } from "./unstructured.js";

/** Every pattern there is. Options, help text, report and conformance tests read this table. */
export const PATTERN_FORMS = {
  unstructured,
  "n:m": nOfM,
} as const satisfies { [K in Pattern["kind"]]: PatternForm<Extract<Pattern, { kind: K }>> };

// TypeScript cannot correlate the union with its table entry; the table's own type guarantees it.
const formOf = (pattern: Pattern) => PATTERN_FORMS[pattern.kind] as PatternForm<Pattern>;

/** The pattern as a user writes it. */
export const describePattern = (pattern: Pattern): string => formOf(pattern).describe(pattern);
/** Why a weight of this shape cannot take the pattern, or null. */
export const refusePattern = (pattern: Pattern, shape: Shape): string | null => formOf(pattern).refuse(pattern, shape);
/** Exactly how many weights of this shape become zero. */
export const prunedCount = (pattern: Pattern, shape: Shape): number => formOf(pattern).prunedCount(pattern, shape);

export * from "./kept-bytes.js";
export * from "./mask.js";
export type { NofM, Pattern, PatternForm, Scope, Unstructured } from "./pattern.js";
