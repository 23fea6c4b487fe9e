/**
 * The options that say how many weights go and where: `sparsity`, `scope`, `pattern` and `permute`,
 * together one `Pattern`. A sparsity with its scope and an N:M pattern exclude each other.
 */
import { PruneError } from "../errors.js";
import type { NofM, Pattern, Scope } from "../pattern/index.js";
import { badOption, type Label, type Read } from "./option-reader.js";
import { DEFAULTS, LIMITS } from "./table.js";
import type { WantedPattern } from "./types.js";

const N_OF_M = /^([1-9]\d*):([1-9]\d*)$/;
const PERCENT = /^(\d+(?:\.\d+)?|\.\d+) ?%$/;

/** Whether a string is written like a pattern, good or bad: `2:4`, `5:4`. */
export const looksLikePattern = (text: string): boolean => /^\s*\d+\s*:\s*\d+\s*$/.test(text);
/** Whether a string is written like a percentage. */
export const looksLikePercentage = (text: string): boolean => /^\s*[\d.]+\s*%\s*$/.test(text);

/** A share of the weights, 0 ≤ s < 1: a number, or a percentage as text. */
export const readSparsity: Read<number> = (value, label) => {
  const percent = typeof value === "string" ? PERCENT.exec(value) : null;
  const sparsity = percent === null ? value : Number(percent[1]) / 100;
  if (typeof sparsity === "number" && sparsity >= 0 && sparsity < 1) return sparsity;
  throw badOption(
    label,
    'a sparsity from 0 up to but not including 1, or a percentage such as "50%"',
    value,
    sparsityRemedy(value, sparsity),
  );
};

function sparsityRemedy(value: unknown, sparsity: unknown): string | undefined {
  if (sparsity === 1) return "that would set every weight to zero";
  if (typeof value === "number" && value > 1 && value < 100)
    return `for ${value} percent write ${value / 100} or "${value}%"`;
  if (typeof value !== "string" || value.trim() === "") return undefined;
  if (looksLikePattern(value)) return `for a pattern write pattern: "${value.trim()}"`;
  return Number.isFinite(Number(value)) ? `write it as a number: ${Number(value)}` : undefined;
}

/** An N:M pattern as text, 1 ≤ N < M ≤ 64. */
export const readNofM: Read<Omit<NofM, "permute">> = (value, label) => {
  const match = typeof value === "string" ? N_OF_M.exec(value) : null;
  const keep = Number(match?.[1]);
  const of = Number(match?.[2]);
  if (keep >= 1 && keep < of && of <= LIMITS.groupSize) return { kind: "n:m", keep, of };
  throw badOption(
    label,
    `a pattern "N:M" (N of every M weights stay) with 1 ≤ N < M ≤ ${LIMITS.groupSize}, such as "2:4"`,
    value,
    typeof value === "string" && looksLikePercentage(value)
      ? `for a share write sparsity: "${value.trim()}"`
      : undefined,
  );
};

/** The pattern, with the given scope where the user left it open. */
export const withScope = (pattern: WantedPattern, scope: Scope): Pattern =>
  pattern.kind === "unstructured" ? { ...pattern, scope: pattern.scope ?? scope } : pattern;

/**
 * The one pattern that the four options mean. A scope that is not given stays open.
 *
 * @param label of the object that holds them
 * @throws PruneError `bad-option` where a pattern comes with a sparsity or a scope, or `permute` without a pattern
 */
export function combinePattern(
  given: {
    sparsity: number | undefined;
    scope: Scope | undefined;
    pattern: Omit<NofM, "permute"> | undefined;
    permute: boolean | undefined;
  },
  label: Label,
): WantedPattern {
  const { sparsity, scope, pattern, permute } = given;
  if (pattern === undefined) {
    if (permute !== undefined)
      throw new PruneError(
        "bad-option",
        `${label.of("permute").text} is for ${label.of("pattern").text}, which is not given: it says which input channels ` +
          "share a group; give a pattern or leave it out",
        { details: { option: label.of("permute").text } },
      );
    return { kind: "unstructured", sparsity: sparsity ?? DEFAULTS.sparsity, scope: scope ?? null };
  }
  if (sparsity !== undefined)
    throw new PruneError(
      "bad-option",
      `${label.of("sparsity").text} and ${label.of("pattern").text} exclude each other: ` +
        `${pattern.keep}:${pattern.of} already says that ${pattern.of - pattern.keep} of ${pattern.of} weights go; leave one out`,
      { details: { option: label.of("sparsity").text } },
    );
  if (scope !== undefined)
    throw new PruneError(
      "bad-option",
      `${label.of("scope").text} is for a sparsity: with ${label.of("pattern").text} scores compete ` +
        `within each group of ${pattern.of} input channels; leave it out`,
      { details: { option: label.of("scope").text } },
    );
  return { ...pattern, permute: permute ?? false };
}
