/**
 * Patterns over weight names, for `include` and `exclude`. Names are dotted
 * (`layers.0.self_attn.q_proj`) and a pattern is matched against whole segments:
 *
 *   `*`   any characters within one segment      `layers.*.mlp`, `*_proj`
 *   `**`  any characters, dots included          `layers.1.**.q_proj`
 *   `?`   one character within a segment         `layers.1?`
 *
 * A pattern need not cover the whole name: it matches where it equals a run of whole segments, since
 * `q_proj`, `mlp` and `layers.0` is what people type. So `layers.1` matches `layers.1.mlp.up_proj`
 * but not `layers.10.mlp.up_proj`. Letter case counts.
 */
import { badOption, type Read } from "./option-reader.js";

/** Whether `pattern` matches the weight called `name`, as the head of this file says. */
export function matchesGlob(pattern: string, name: string): boolean {
  const source = pattern.replace(/\*{2,}\.?|[*?]|[^*?]+/g, (part) => {
    // `**.` may also stand for nothing at all, so that `layers.**.mlp` matches `layers.mlp`.
    if (part.startsWith("**")) return part.endsWith(".") ? "(?:.*\\.)?" : ".*";
    if (part === "*") return "[^.]*";
    if (part === "?") return "[^.]";
    return part.replace(/[.+^${}()|[\]\\/]/g, "\\$&");
  });
  return new RegExp(`(?:^|\\.)${source}(?:\\.|$)`, "su").test(name);
}

/** Whether any of the patterns matches. */
export function matchesAnyGlob(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => matchesGlob(pattern, name));
}

/**
 * One glob or several, as a frozen list. An empty list is refused, because it would mean the
 * opposite of what it says: without `include` everything is pruned.
 */
export const mustBeGlobs: Read<readonly string[]> = (value, label) => {
  const globs: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (globs.length === 0) throw badOption(label, "at least one glob", value, "leave the option out to name no weight");
  for (const glob of globs) {
    if (typeof glob !== "string" || glob.trim() === "")
      throw badOption(label, 'a glob over weight names such as "layers.*.mlp", or several', glob);
    if (/[[\]{}!,\s]/.test(glob))
      throw badOption(
        label,
        "a glob made of names, dots, *, ** and ?",
        glob,
        "give several globs instead of one with a list",
      );
  }
  return Object.freeze([...(globs as readonly string[])]);
};
