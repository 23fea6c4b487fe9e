/** Sections of help texts: what methods and patterns there are, from their tables, and examples. */
import { PRESETS, SCORE_NAMES } from "../options/index.js";
import { PATTERN_FORMS } from "../pattern/index.js";
import { ADAPTIVE_METHODS, RECONSTRUCTIONS, REPAIRS, type Reconstruction } from "../reconstruct/table.js";
import { type MethodName, methodOf } from "../score/index.js";
import { OBJECTIVE_NAMES, OPTIMISERS, objectiveOf } from "../tune/index.js";
import { formatTable, indent } from "./text-table.js";

/** The methods with their default scope. */
export function methodsHelp(): string {
  const rows = [
    ...SCORE_NAMES.map((name) => [name, `${methodOf(name).summary} (scope: ${scopesOf(name)})`]),
    ...Object.entries(ADAPTIVE_METHODS).map(([name, row]) => [name, `${row.summary} (scope: ${row.defaultScope})`]),
  ];
  return section("Methods", formatTable(rows, ["left"]));
}

function scopesOf(name: MethodName): string {
  const { defaultScope, untunedScope } = methodOf(name);
  return defaultScope === untunedScope ? defaultScope : `${defaultScope}; untuned: ${untunedScope}`;
}

/** What a preset stands for, what moves after the mask, and what is corrected at last. */
export function updatesHelp(): string {
  const rows = (table: Readonly<Record<string, { readonly summary: string }>>) =>
    formatTable(
      Object.entries(table).map(([name, { summary }]) => [name, summary]),
      ["left"],
    );
  const numbers = formatTable(
    Object.entries<Reconstruction>(RECONSTRUCTIONS).flatMap(([name, { parameters }]) =>
      parameters.map(({ name: parameter, summary, min, max, default: value }) => [
        `${name} ${parameter}`,
        `${summary}, ${min} to ${max} (default: ${value})`,
      ]),
    ),
    ["left"],
  );
  return [
    section("Presets", rows(PRESETS)),
    section("Reconstructions", rows(RECONSTRUCTIONS)),
    section('Numbers that reconstructions take, as in --reconstruct \'{"name":"sparsellm","steps":4}\'', numbers),
    section("Repairs", rows(REPAIRS)),
  ].join("\n");
}

/** The coefficients of each method that has any, with ranges, untuned values and what is taken for one that is left out. */
export function coefficientsHelp(): string {
  return SCORE_NAMES.filter((name) => methodOf(name).parameters.length > 0)
    .map((name) => {
      const { parameters, untuned } = methodOf(name);
      const rows = parameters.map(({ name, summary, min, max, default: value }) => [
        name,
        `${summary}, ${min} to ${max} (untuned: ${untuned[name]}; left out: ${value})`,
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

/** What a search can look at, from the table of objectives. */
export function objectivesHelp(): string {
  const rows = [
    ...OBJECTIVE_NAMES.map((name) => [name, objectiveOf(name).summary]),
    ["learned", "a combination of a few of them that the study fits to real perplexity"],
    ["measured", "whichever of them followed real perplexity best in the study"],
  ];
  return section("Objectives", formatTable(rows, ["left"]));
}

/** How a search can go about it, from the table of optimisers. */
export function optimisersHelp(): string {
  const rows = Object.entries(OPTIMISERS).map(([name, { summary }]) => [name, summary]);
  return section("Optimisers", formatTable(rows, ["left"]));
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
