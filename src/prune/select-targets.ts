/**
 * Which of the linear layers of a file are pruned: all that are not dense by default, or what
 * `include` names, less what `exclude` names. Everything left out is listed with its reason.
 */
import { PruneError } from "../errors.js";
import type { FoundTargets, Skipped, Target } from "../graph/index.js";
import { matchesGlob } from "../options/index.js";
import type { ResolvedPrune } from "../options/types.js";
import { describePattern, type Pattern, refusePattern } from "../pattern/index.js";

export interface Selection {
  /** Empty where the file holds no linear layer, or none that the options name. */
  readonly targets: readonly Target[];
  readonly skipped: readonly Skipped[];
  /** What became of the globs: one without a match is right in a model of several files, a mistake where no file has one. */
  readonly globs: readonly GlobUse[];
  /** Names of all linear layers of the file. */
  readonly names: readonly string[];
}

/** A glob of the options, and whether it names a weight of the file. */
export interface GlobUse {
  readonly label: "include" | "exclude";
  readonly glob: string;
  readonly matches: boolean;
}

/**
 * Applies `include` and `exclude`, and checks that the pattern fits every weight that is left.
 *
 * @throws PruneError `bad-pattern` where a weight cannot take the pattern
 */
export function selectTargets(
  found: FoundTargets,
  { include, exclude }: Pick<ResolvedPrune, "include" | "exclude">,
  pattern: Pattern,
  file: string,
): Selection {
  const skipped: Skipped[] = [...found.skipped];
  const targets = found.targets.filter((target) => {
    const reason = reasonToSkip(target, include, exclude);
    if (reason !== null) skipped.push({ name: target.name, reason });
    return reason === null;
  });
  refuseMisfits(targets, pattern, file);
  const names = found.targets.map(({ name }) => name);
  const usesOf = (label: GlobUse["label"], globs: readonly string[]) =>
    globs.map((glob) => ({ label, glob, matches: names.some((name) => matchesGlob(glob, name)) }));
  return { targets, skipped, globs: [...usesOf("include", include), ...usesOf("exclude", exclude)], names };
}

/** Names all weights that do not fit, so that they can be excluded in one go. */
function refuseMisfits(targets: readonly Target[], pattern: Pattern, file: string): void {
  const misfits = targets.flatMap(({ name, shape }) => {
    const refusal = refusePattern(pattern, shape);
    return refusal === null ? [] : [{ name, refusal }];
  });
  const [first, ...others] = misfits;
  if (first === undefined) return;
  const names = others.map(({ name }) => `"${name}"`).join(", ");
  const more = others.length === 0 ? "" : `; ${others.length} more do not fit: ${names}`;
  throw new PruneError("bad-pattern", `weight "${first.name}" of ${file}: ${first.refusal}${more}`, {
    details: { file, weight: first.name, pattern: describePattern(pattern), weights: misfits.map(({ name }) => name) },
  });
}

function reasonToSkip(
  { name, denseByDefault }: Target,
  include: readonly string[],
  exclude: readonly string[],
): string | null {
  const excluded = exclude.find((glob) => matchesGlob(glob, name));
  if (excluded !== undefined) return `excluded by "${excluded}"`;
  if (include.length === 0) return denseByDefault;
  return include.some((glob) => matchesGlob(glob, name)) ? null : "not included";
}

/**
 * Checks the selections of all files of a model together.
 *
 * @throws PruneError `bad-option` where a glob matches no weight of any file that has it; `no-targets`
 *   where no file has a weight left to prune
 */
export function checkSelections(selections: readonly Selection[], model: string): void {
  const names = selections.flatMap((selection) => selection.names);
  const uses = selections.flatMap(({ globs }) => globs);
  const unmatched = uses.find(
    (use) => !uses.some(({ label, glob, matches }) => matches && label === use.label && glob === use.glob),
  );
  if (unmatched !== undefined && names.length > 0) {
    const { label, glob } = unmatched;
    const examples = names.slice(0, 3).map((name) => `"${name}"`);
    throw new PruneError(
      "bad-option",
      `${label} "${glob}" matches no weight of ${model}; its weights are named like ${examples.join(", ")}`,
      { details: { model, [label]: glob } },
    );
  }
  if (!selections.every(({ targets }) => targets.length === 0)) return;
  const why =
    selections.length === 0
      ? "the options leave every session file dense: give one a sparsity or a pattern"
      : names.length === 0
        ? "it has none that this version can prune"
        : "loosen include and exclude";
  throw new PruneError("no-targets", `${model}: no linear layer is left to prune; ${why}`, { details: { model } });
}
