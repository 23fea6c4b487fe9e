/**
 * How near two patterns are, as far as coefficients are concerned. Within one kind (unstructured with the
 * same scope; N:M with the same permutation and groups that are no smaller) coefficients carry over to
 * about the same share of zeros. What is best at a far one, or in larger groups, can be worse than
 * untuned: on SmolLM2 those of 4:8 lose to RIA at 2:4 (docs/pho.md).
 */
import { describePattern, type Pattern, type Scope } from "../pattern/index.js";

/** Most by which the shares of zeros of two patterns differ that serve each other. */
const FARTHEST = 0.15;
/** Shares are decimal fractions of which doubles are not exact. */
const SLACK = 1e-9;

/** A pattern that is wanted, and how near a record's own comes to it. */
export interface ServedPattern {
  readonly pattern: Pattern;
  /** Whether the record is of this very pattern. */
  readonly exact: boolean;
  /** By how much the shares of zeros differ, 0 … 0.15. */
  readonly distance: number;
}

/**
 * Which of the wanted patterns a record serves: its very own, else the nearest of the same kind.
 *
 * @param recorded the record's pattern, as `describePattern` says
 * @returns null where it serves none
 */
export function servedPattern(recorded: string, wanted: readonly Pattern[]): ServedPattern | null {
  const same = wanted.find((pattern) => describePattern(pattern) === recorded);
  if (same !== undefined) return { pattern: same, exact: true, distance: 0 };
  const own = parsePattern(recorded);
  if (own === null) return null;
  const near = wanted
    .filter((pattern) => isSameKind(own, pattern))
    .map((pattern) => ({ pattern, exact: false, distance: Math.abs(shareOfZeros(own) - shareOfZeros(pattern)) }))
    .filter(({ distance }) => distance <= FARTHEST + SLACK)
    .sort((a, b) => a.distance - b.distance);
  return near[0] ?? null;
}

/** The inverse of `describePattern`; null where the text is of a pattern that this version does not have. */
export function parsePattern(text: string): Pattern | null {
  const groups = /^(\d+):(\d+)( permuted)?$/.exec(text);
  if (groups !== null)
    return { kind: "n:m", keep: Number(groups[1]), of: Number(groups[2]), permute: groups[3] !== undefined };
  const share = /^(\d+(?:\.\d+)?)% by (row|matrix)$/.exec(text);
  if (share !== null) return { kind: "unstructured", sparsity: Number(share[1]) / 100, scope: share[2] as Scope };
  return null;
}

/** Whether coefficients for `own` may serve `wanted`, as far as the kind goes; smaller groups ask for other ones. */
function isSameKind(own: Pattern, wanted: Pattern): boolean {
  if (own.kind === "n:m") return wanted.kind === "n:m" && own.permute === wanted.permute && own.of <= wanted.of;
  return wanted.kind === "unstructured" && own.scope === wanted.scope;
}

const shareOfZeros = (pattern: Pattern): number =>
  pattern.kind === "n:m" ? (pattern.of - pattern.keep) / pattern.of : pattern.sparsity;
