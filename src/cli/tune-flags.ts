/**
 * Flags of `tune`: those of `prune` that say what to prune, and the options of `tune()`. Meaning and
 * default come from the tables of options, and errors about them name the flag.
 */
import { type Command, Option } from "commander";
import { PruneError } from "../errors.js";
import type { OptionRow } from "../options/index.js";
import { TUNE_OPTIONS } from "../tune/index.js";
import { addPruneFlags, numberOrText, type OptionPath, PRUNE_FLAGS } from "./flags.js";
import type { CommonFlags } from "./load-flags.js";

type TuneOptionName = keyof typeof TUNE_OPTIONS;

/** Options of `prune` that say what is tuned. */
const PRUNE_PART = {
  method: PRUNE_FLAGS.method,
  sparsity: PRUNE_FLAGS.sparsity,
  scope: PRUNE_FLAGS.scope,
  pattern: PRUNE_FLAGS.pattern,
  permute: PRUNE_FLAGS.permute,
  include: PRUNE_FLAGS.include,
  exclude: PRUNE_FLAGS.exclude,
  "calibration.texts": "--calibration <file...>",
  "calibration.count": PRUNE_FLAGS["calibration.count"],
  "calibration.length": PRUNE_FLAGS["calibration.length"],
} as const satisfies Partial<Record<OptionPath, string>>;

/** Options of `tune()` that have a flag of their own, by the section of the help text. */
const TUNE_PART = {
  "Tuning:": {
    objective: "--objective <name>",
    optimiser: "--optimiser <name>",
    evaluations: "--evaluations <n>",
    seed: "--seed <n>",
    passes: "--passes <n>",
    tokens: "--tokens <n>",
    study: "--study <n>",
  },
  "Judging by perplexity:": {
    text: "--text <file>",
    windows: "--windows <n>",
    length: "--length <n>",
    finalists: "--finalists <n>",
  },
} as const satisfies Record<string, Partial<Record<TuneOptionName, string>>>;

/** How messages of `tune()` name an option, and the flag that it is. */
const NAMES_IN_MESSAGES: readonly (readonly [option: string, flag: string])[] = [
  ["tune().per.segments", "--per-depth"],
  ...Object.values(TUNE_PART).flatMap((flags) =>
    Object.entries(flags).map(([name, flag]) => [`tune().${name}`, flag.split(" ")[0] as string] as const),
  ),
];

/** Flags as Commander gives them: options are still text. */
export interface TuneFlags extends CommonFlags {
  readonly method?: string;
  readonly sparsity?: string;
  readonly scope?: string;
  readonly pattern?: string;
  readonly permute?: boolean;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly calibration?: readonly string[];
  readonly calibrationCount?: string;
  readonly calibrationLength?: string;
  readonly objective?: string;
  readonly optimiser?: string;
  readonly evaluations?: string;
  readonly seed?: string;
  readonly passes?: string;
  readonly perKind?: boolean;
  readonly perDepth?: string;
  readonly tokens?: string;
  readonly study?: string;
  readonly text: string;
  readonly windows?: string;
  readonly length?: string;
  readonly finalists?: string;
  readonly register: boolean;
  readonly out: string;
  readonly report?: string;
  readonly force?: boolean;
}

/** Adds the flags of what to tune and how. */
export function addTuneFlags(command: Command): void {
  addPruneFlags(command, PRUNE_PART);
  for (const [group, flags] of Object.entries(TUNE_PART)) {
    command.optionsGroup(group);
    for (const [name, text] of Object.entries(flags)) {
      const row: OptionRow = TUNE_OPTIONS[name as TuneOptionName];
      const note = row.default === "" ? "" : ` (default: ${row.default})`;
      command.addOption(new Option(text, `${row.summary}${note}`).makeOptionMandatory(name === "text"));
    }
  }
  command
    .optionsGroup("Tuning:")
    .addOption(
      new Option("--per-kind", "coefficients of their own for q, k, v, o, gate, up, down").conflicts("perDepth"),
    )
    .option("--per-depth <segments>", "coefficients of their own for as many segments of the blocks")
    .option("--no-register", 'do not keep the result for coefficients: "auto" on this machine');
}

/** The options of `prune` that the flags spell. @param texts what `--calibration` names */
export function prunePart(flags: TuneFlags, texts: readonly string[] | undefined): Record<string, unknown> {
  const calibration = withoutUndefined({
    texts,
    count: numberOrText(flags.calibrationCount),
    length: numberOrText(flags.calibrationLength),
  });
  return withoutUndefined({
    method: flags.method,
    sparsity: numberOrText(flags.sparsity),
    scope: flags.scope,
    pattern: flags.pattern,
    permute: flags.permute,
    include: flags.include,
    exclude: flags.exclude,
    calibration: Object.keys(calibration).length === 0 ? undefined : calibration,
  });
}

/** The options of `tune()` that the flags spell. @param checkpoint where a stopped run is kept */
export function tunePart(flags: TuneFlags, text: string, checkpoint: string): Record<string, unknown> {
  return withoutUndefined({
    text,
    windows: numberOrText(flags.windows),
    length: numberOrText(flags.length),
    objective: flags.objective,
    optimiser: flags.optimiser,
    evaluations: numberOrText(flags.evaluations),
    seed: numberOrText(flags.seed),
    per: flags.perKind ? "kind" : flags.perDepth && { segments: numberOrText(flags.perDepth) },
    passes: numberOrText(flags.passes),
    tokens: numberOrText(flags.tokens),
    finalists: numberOrText(flags.finalists),
    study: numberOrText(flags.study),
    checkpoint,
    register: flags.register ? undefined : false,
  });
}

const withoutUndefined = (source: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(source).filter(([, value]) => value !== undefined));

/** Runs a check of options of `tune()`; what it refuses is named as a flag. @throws PruneError */
export function namingFlags<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof PruneError)) throw error;
    const message = NAMES_IN_MESSAGES.reduce((text, [option, flag]) => text.replaceAll(option, flag), error.message);
    throw new PruneError(error.code, message, { details: error.details, cause: error });
  }
}

/** `prune` calibrates on one file, and `tune` joins several to one text: this is the file of that text. */
const JOINED = "calibration.txt";

/** How to write the file that {@link pruneLine} names where `tune` calibrated on several; null where it did not. */
export function joinLine({ calibration = [] }: TuneFlags): string | null {
  if (calibration.length < 2) return null;
  return `(${JOINED}: ${calibration.join(", ")} one after the other, with two line breaks between them)`;
}

/**
 * The command line that prunes with what was tuned: the same model, weights and samples. How the
 * coefficients were tuned, passes included, is in the record.
 *
 * @param coefficients file to name; null where `"auto"` finds them
 */
export function pruneLine(model: string, flags: TuneFlags, coefficients: string | null): string {
  const given = (flag: string, value: string | undefined) => (value === undefined ? [] : [flag, value]);
  const [text, another] = flags.calibration ?? [];
  const words = [
    ...given("--method", flags.method),
    ...given("--sparsity", flags.sparsity),
    ...given("--scope", flags.scope),
    ...given("--pattern", flags.pattern),
    ...(flags.permute ? ["--permute"] : []),
    ...(flags.include ?? []).flatMap((glob) => ["--include", glob]),
    ...(flags.exclude ?? []).flatMap((glob) => ["--exclude", glob]),
    ...given("--calibration", another === undefined ? text : JOINED),
    ...given("--calibration-count", flags.calibrationCount),
    ...given("--calibration-length", flags.calibrationLength),
    ...given("--coefficients", coefficients ?? undefined),
    ...given("--dtype", flags.dtype),
    ...given("--device", flags.device),
    ...given("--subfolder", flags.subfolder),
    ...given("--model-file-name", flags.modelFileName),
    ...given("--external-data", flags.externalData),
    ...given("--cache-dir", flags.cacheDir),
    ...given("--revision", flags.revision),
    ...(flags.localFilesOnly ? ["--local-files-only"] : []),
    ...["--out", "pruned"],
  ];
  return ["transformers-prune", "prune", model, ...words].map(shellWord).join(" ");
}

/** A word as a POSIX shell reads it back. */
const shellWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
