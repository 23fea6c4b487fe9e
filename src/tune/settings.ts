/**
 * Options of tune() that are not options of `prune`: meaning, form and default of each, as data, and
 * their reader. The command line takes its help from here.
 */
import { PruneError } from "../errors.js";
import {
  badOption,
  dottedLabel,
  isOptionsObject,
  type Label,
  mustBeInteger,
  mustBeOneOf,
  mustBeText,
  OptionReader,
  type OptionRow,
  type Read,
} from "../options/index.js";
import { type Metric, readMetric } from "./metric.js";
import { OBJECTIVE_NAMES } from "./objectives/index.js";
import type { ObjectiveChoice } from "./open-objective.js";
import { OPTIMISERS, type OptimiserName } from "./optimise/index.js";

/** What may have coefficients of its own: the model as a whole, every kind of weight, or segments of its blocks. */
export type Per = "model" | "kind" | { readonly segments: number };

/** Who judges: the perplexity of a text, or a metric of the user's own. */
export type JudgeSettings =
  | { readonly kind: "perplexity"; readonly text: string; readonly windows: number; readonly length: number }
  | { readonly kind: "metric"; readonly metric: Metric };

/** What `tune()` is told beside what to prune and how to judge. */
interface SearchSettings {
  readonly objective: ObjectiveChoice;
  readonly optimiser: OptimiserName;
  readonly evaluations: number;
  readonly seed: number;
  readonly per: Per;
  readonly passes: number;
  readonly tokens: number;
  readonly finalists: number;
  readonly study: number;
  /** File in which a stopped run is kept. */
  readonly checkpoint: string;
  readonly register: boolean;
}

/** What `tune()` is told beside what to prune, complete. */
export interface ResolvedTuneSettings extends Omit<SearchSettings, "objective" | "checkpoint"> {
  readonly judge: JudgeSettings;
  /** null: the one that fits the model. */
  readonly objective: ObjectiveChoice | null;
  /** null: nothing is kept. */
  readonly checkpoint: string | null;
}

/** What `tune()` may be told beside what to prune; `OwnMetric` is the form of a metric where pipelines have types. */
export type TuneSettingsOptions<OwnMetric = Metric> = {
  -readonly [Name in keyof SearchSettings]?: SearchSettings[Name];
} & (
  | { text: string; windows?: number; length?: number; metric?: never }
  | { metric: OwnMetric; text?: never; windows?: never; length?: never }
);

export const TUNE_DEFAULTS = {
  windows: 16,
  length: 512,
  optimiser: "cma-es",
  evaluations: 200,
  seed: 0,
  per: "model",
  passes: 1,
  tokens: 1024,
  finalists: 3,
  study: 0,
  register: true,
} as const satisfies { readonly [Name in keyof TuneSettingsOptions]?: TuneSettingsOptions[Name] };

/** Largest values that make sense. */
const LIMITS = {
  evaluations: 100_000,
  study: 10_000,
  passes: 10,
  tokens: 65_536,
  segments: 128,
  finalists: 100,
} as const;

export const OBJECTIVE_CHOICES = [...OBJECTIVE_NAMES, "learned", "measured"] as const;
const OPTIMISER_NAMES = Object.keys(OPTIMISERS) as OptimiserName[];
const quoted = (words: readonly string[]) => words.map((word) => `"${word}"`).join(" | ");

export const TUNE_OPTIONS = {
  text: {
    summary: "text to judge on, which calibration has not seen",
    value: "string",
    default: "",
  },
  windows: {
    summary: "windows of the text that are judged on",
    value: "whole number",
    default: String(TUNE_DEFAULTS.windows),
  },
  length: { summary: "tokens in a window", value: "whole number", default: String(TUNE_DEFAULTS.length) },
  metric: {
    summary: "a figure of your own to judge by instead of perplexity, lower is better",
    value: "{ name, task, measure(pipe) }",
    default: "",
  },
  objective: {
    summary: "what the search looks at, because judging is dear; learned and measured need a study",
    value: quoted(OBJECTIVE_CHOICES),
    default: "kl; hidden-drift where the model predicts nothing for every token",
  },
  optimiser: { summary: "how it searches", value: quoted(OPTIMISER_NAMES), default: TUNE_DEFAULTS.optimiser },
  evaluations: {
    summary: "candidates that the search measures by the objective",
    value: "whole number",
    default: String(TUNE_DEFAULTS.evaluations),
  },
  seed: { summary: "the same seed gives the same search", value: "whole number", default: String(TUNE_DEFAULTS.seed) },
  per: {
    summary: "what has coefficients of its own: the model, each kind of weight, or segments of its blocks",
    value: '"model" | "kind" | { segments: n }',
    default: TUNE_DEFAULTS.per,
  },
  passes: {
    summary: "most passes of calibration a candidate may have; with 2 or more the search chooses",
    value: `whole number from 1 to ${LIMITS.passes}`,
    default: String(TUNE_DEFAULTS.passes),
  },
  tokens: {
    summary: "tokens of the calibration text that objectives run the model on",
    value: "whole number",
    default: String(TUNE_DEFAULTS.tokens),
  },
  finalists: {
    summary: "best candidates of the search that are judged",
    value: "whole number",
    default: String(TUNE_DEFAULTS.finalists),
  },
  study: {
    summary: "random candidates that are measured by every objective and judged, before the search",
    value: "whole number",
    default: "no study",
  },
  checkpoint: { summary: "file from which a stopped run goes on", value: "path", default: "none" },
  register: {
    summary: 'keep the result for coefficients: "auto" on this machine',
    value: "true | false",
    default: String(TUNE_DEFAULTS.register),
  },
} as const satisfies Record<keyof TuneSettingsOptions, OptionRow>;

export const TUNE_OPTION_NAMES = Object.keys(TUNE_OPTIONS) as (keyof TuneSettingsOptions)[];

const readPer: Read<Per> = (value, label) => {
  if (value === "model" || value === "kind") return value;
  if (!isOptionsObject(value)) throw badOption(label, TUNE_OPTIONS.per.value, value);
  const reader = new OptionReader<"segments">(value, label);
  const segments = reader.get("segments", mustBeInteger(2, LIMITS.segments));
  reader.refuseUnread();
  if (segments === undefined) throw badOption(label, TUNE_OPTIONS.per.value, value);
  return { segments };
};

const readBoolean: Read<boolean> = (value, label) => {
  if (typeof value !== "boolean") throw badOption(label, "true or false", value);
  return value;
};

/**
 * Reads the settings of `tune()`; completes them with the defaults.
 *
 * @throws PruneError `unknown-option`, `bad-option`
 */
export function readTuneSettings(source: Readonly<Record<string, unknown>>): ResolvedTuneSettings {
  const label = dottedLabel("tune()");
  const reader = new OptionReader<keyof TuneSettingsOptions>(source, label);
  const whole = (name: keyof TuneSettingsOptions, min: number, max: number) =>
    reader.get(name, mustBeInteger(min, max));
  const settings: ResolvedTuneSettings = {
    judge: judgeOf(
      {
        metric: reader.get("metric", readMetric),
        text: reader.get("text", mustBeText),
        windows: whole("windows", 1, Number.MAX_SAFE_INTEGER),
        length: whole("length", 2, Number.MAX_SAFE_INTEGER),
      },
      label,
    ),
    objective: reader.get("objective", mustBeOneOf(OBJECTIVE_CHOICES)) ?? null,
    optimiser: reader.get("optimiser", mustBeOneOf(OPTIMISER_NAMES)) ?? TUNE_DEFAULTS.optimiser,
    evaluations: whole("evaluations", 1, LIMITS.evaluations) ?? TUNE_DEFAULTS.evaluations,
    seed: whole("seed", 0, Number.MAX_SAFE_INTEGER) ?? TUNE_DEFAULTS.seed,
    per: reader.get("per", readPer) ?? TUNE_DEFAULTS.per,
    passes: whole("passes", 1, LIMITS.passes) ?? TUNE_DEFAULTS.passes,
    tokens: whole("tokens", 2, LIMITS.tokens) ?? TUNE_DEFAULTS.tokens,
    finalists: whole("finalists", 1, LIMITS.finalists) ?? TUNE_DEFAULTS.finalists,
    study: whole("study", 0, LIMITS.study) ?? TUNE_DEFAULTS.study,
    checkpoint: reader.get("checkpoint", mustBeText) ?? null,
    register: reader.get("register", readBoolean) ?? TUNE_DEFAULTS.register,
  };
  reader.refuseUnread();
  if (settings.study === 0 && (settings.objective === "learned" || settings.objective === "measured"))
    throw badOption(
      label.of("objective"),
      "the name of an objective",
      settings.objective,
      "it needs a study: set study",
    );
  return settings;
}

/** @throws PruneError `bad-option` where there is neither a text nor a metric, or both */
function judgeOf(
  given: Readonly<Record<"windows" | "length", number | undefined>> & {
    metric: Metric | undefined;
    text: string | undefined;
  },
  label: Label,
): JudgeSettings {
  const { metric, text, ...windows } = given;
  if (metric === undefined) {
    if (text === undefined)
      throw badOption(label.of("text"), "a text to judge on, or a metric in its place", undefined);
    const { windows: count = TUNE_DEFAULTS.windows, length = TUNE_DEFAULTS.length } = windows;
    return { kind: "perplexity", text, windows: count, length };
  }
  for (const [name, value] of Object.entries({ text, ...windows }))
    if (value !== undefined)
      throw new PruneError(
        "bad-option",
        `${label.of(name).text} says on what perplexity is measured, but ${label.of("metric").text} takes its place; leave one of them out`,
        { details: { option: label.of(name).text } },
      );
  return { kind: "metric", metric };
}
