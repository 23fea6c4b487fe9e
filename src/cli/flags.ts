/**
 * Flags of the command line. Those that are options of `prune` take their meaning and default from
 * the options' table, and errors about them name the flag.
 */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { EvaluateOptions } from "../hook/index.js";
import {
  CALIBRATION_OPTIONS,
  type CalibrationOptionName,
  DEFAULTS,
  type Label,
  type OptionRow,
  PRUNE_OPTIONS,
  type PruneOptionName,
} from "../options/index.js";

/** Path of an option that can be written as a flag. */
export type OptionPath = PruneOptionName | `calibration.${CalibrationOptionName}`;

/** Options of `prune` that have a flag, in the order of the help text. */
export const PRUNE_FLAGS = {
  preset: "--preset <name>",
  method: "--method <name>",
  sparsity: "--sparsity <share>",
  scope: "--scope <row|matrix>",
  pattern: "--pattern <N:M>",
  permute: "--permute",
  coefficients: "--coefficients <auto|default|FILE|JSON>",
  reconstruct: "--reconstruct <name|JSON|none>",
  sequential: "--sequential [groups]",
  target: "--target <outputs|weights>",
  repair: "--repair <names|none>",
  damping: "--damping <share>",
  blockSize: "--block-size <n>",
  include: "--include <glob>",
  exclude: "--exclude <glob>",
  encoding: "--encoding <dense|packed>",
  compareBytes: "--compare-bytes",
  "calibration.texts": "--calibration <file>",
  "calibration.count": "--calibration-count <n>",
  "calibration.length": "--calibration-length <n>",
  "calibration.bos": "--bos",
  "calibration.memory": "--calibration-memory <size>",
  passes: "--passes <n>",
  verify: "--verify",
} as const satisfies Partial<Record<OptionPath, string>>;

const rowOf = (path: string): OptionRow =>
  path.startsWith("calibration.")
    ? CALIBRATION_OPTIONS[path.slice("calibration.".length) as CalibrationOptionName]
    : PRUNE_OPTIONS[path as PruneOptionName];

const REPEATABLE: readonly string[] = ["include", "exclude"] satisfies PruneOptionName[];

/** What a flag's help says beside the option's own summary and default. */
const NOTES: Readonly<Record<string, string>> = {
  include: "repeatable",
  exclude: "repeatable",
  sequential: 'a number: in so many groups of blocks; "none": not; default: the preset\'s',
  repair: "with commas between; default: the preset's",
  "calibration.bos": "the windows of --text too",
  // A flag says by being there what its default is.
  verify: "",
  compareBytes: "",
} satisfies Partial<Record<OptionPath, string>>;

/** Adds flags that are options of `prune`: all, or those given, by the path of the option. */
export function addPruneFlags(
  command: Command,
  byPath: Readonly<Partial<Record<OptionPath, string>>> = PRUNE_FLAGS,
): void {
  for (const [path, flags] of Object.entries(byPath)) {
    command.optionsGroup(
      path.startsWith("calibration.") || path === "passes" || path === "verify" ? "Calibration:" : "Pruning:",
    );
    const { summary, default: value } = rowOf(path);
    const note = NOTES[path] ?? (value === "" ? "" : `default: ${value}`);
    const option = new Option(flags, note === "" ? summary : `${summary} (${note})`);
    if (REPEATABLE.includes(path))
      option.argParser((value: string, before: readonly string[] | undefined) => [...(before ?? []), value]);
    command.addOption(option);
  }
}

/** Names options in messages as flags: `--calibration-count`, and `--coefficients.row` for what lies inside one. */
export function flagLabel(path = "", parent = "the prune options"): Label {
  const flag = (PRUNE_FLAGS as Readonly<Record<string, string>>)[path]?.split(" ")[0];
  const text = flag ?? (path === "" ? parent : `${parent}.${path.split(".").at(-1)}`);
  return { text, of: (key) => flagLabel(path === "" ? key : `${path}.${key}`, text) };
}

/** A number where the text is one; anything else stays text, for the option's own check to refuse. */
export function numberOrText(text: string | undefined): number | string | undefined {
  return text === undefined || text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
}

/** Parser of a flag that takes a whole number. */
export function wholeNumber(min: number): (text: string) => number {
  return (text) => {
    if (!/^\d+$/.test(text) || Number(text) < min)
      throw new InvalidArgumentError(`Expected a whole number from ${min}.`);
    return Number(text);
  };
}

/** Flags that say how perplexity is measured. */
export interface EvaluationFlags {
  /** Path of the text. */
  readonly text?: string;
  readonly length?: number;
  readonly windows?: number;
  readonly stride?: number;
  readonly bos?: boolean;
}

/** What of the flags says how to measure, in the words of `evaluateModel`. */
export function evaluationOptions(
  flags: EvaluationFlags,
): Pick<EvaluateOptions, "length" | "windows" | "stride" | "bos"> {
  const { length = DEFAULTS.length, windows = DEFAULTS.windows, stride, bos = false } = flags;
  return { length, windows, bos, ...(stride !== undefined && { stride }) };
}

/** Adds the flags that say how perplexity is measured. @param text what `--text` is for, and whether it must be given */
export function addEvaluationFlags(command: Command, text: { summary: string; required: boolean }): void {
  const { length, windows } = DEFAULTS;
  command
    .optionsGroup("Measuring perplexity:")
    .addOption(new Option("--text <file>", text.summary).makeOptionMandatory(text.required))
    .option("--length <n>", `tokens in a window of the text (default: ${length})`, wholeNumber(2))
    .option("--windows <n>", `windows, from the start of the text (default: ${windows})`, wholeNumber(1))
    .option("--stride <n>", "tokens from one window to the next (default: windows do not overlap)", wholeNumber(1));
}
