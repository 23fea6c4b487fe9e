/** Sections of help texts: what methods and patterns there are, from their tables, and examples. */
import { METHOD_NAMES } from "../options/index.js";
import { PATTERN_FORMS } from "../pattern/index.js";
import { methodOf } from "../score/index.js";
import { formatTable, indent } from "./text-table.js";

/** The methods with their default scope. */
export function methodsHelp(): string {
  const rows = METHOD_NAMES.map((name) => [name, `${methodOf(name).summary} (scope: ${methodOf(name).defaultScope})`]);
  return section("Methods", formatTable(rows, ["left"]));
}

/** The coefficients of each method that has any, with ranges and defaults. */
export function coefficientsHelp(): string {
  return METHOD_NAMES.filter((name) => methodOf(name).parameters.length > 0)
    .map((name) => {
      const rows = methodOf(name).parameters.map(({ name, summary, min, max, default: value }) => [
        name,
        `${summary}, ${min} to ${max} (default: ${value})`,
      ]);
      return section(`Coefficients of ${name}`, formatTable(rows, ["left"]));
    })
    .join("\n");
}

/** The shapes zeros can have. */
export function patternsHelp(): string {
  const rows = Object.values(PATTERN_FORMS).map(({ kind, summary }) => [kind, summary]);
  return section("Patterns", formatTable(rows, ["left"]));
}

/** Commands to copy. */
export function examplesHelp(examples: readonly string[]): string {
  return section(
    "Examples",
    examples.map((example) => `$ ${example}`),
  );
}

/** A titled, indented block that begins with a blank line. */
export function section(title: string, lines: readonly string[]): string {
  return `\n${title}:\n${indent(lines).join("\n")}`;
}
