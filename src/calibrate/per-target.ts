/** From what is counted per activation to what is known per weight: most weights read one, a weight used twice reads two. */
import type { Target } from "../graph/index.js";

/**
 * Joins what belongs to a target; targets with the same parts share one object.
 *
 * @param entries a target and something that was counted for one of its inputs, in any order
 * @param join makes one of the parts of a target, of which there is at least one
 */
export function perTarget<Part, Whole>(
  entries: Iterable<readonly [Target, Part]>,
  join: (parts: readonly [Part, ...Part[]]) => Whole,
): Map<Target, Whole> {
  const parts = new Map<Target, Set<Part>>();
  for (const [target, part] of entries) parts.set(target, (parts.get(target) ?? new Set()).add(part));
  const known = new Map<Part, { readonly of: ReadonlySet<Part>; readonly whole: Whole }[]>();
  return new Map(
    [...parts].map(([target, own]) => {
      const [first, ...others] = [...own] as [Part, ...Part[]];
      const sharing = known.get(first) ?? [];
      known.set(first, sharing);
      const same = sharing.find(({ of }) => of.size === own.size && others.every((part) => of.has(part)));
      if (same !== undefined) return [target, same.whole];
      const whole = join([first, ...others]);
      sharing.push({ of: own, whole });
      return [target, whole];
    }),
  );
}
