/** `transformers-prune prune`: prunes a model into a folder that stock transformers.js loads. */
import type { Command } from "commander";
import type { EvaluateOptions } from "../hook/index.js";
import { type PruneOption, resolvePruneOption } from "../options/index.js";
import type { CliContext } from "./commands.js";
import { dryRunSummary } from "./dry-run-summary.js";
import { asUsage } from "./failure.js";
import {
  addEvaluationFlags,
  addPruneFlags,
  type EvaluationFlags,
  evaluationOptions,
  flagLabel,
  numberOrText,
  wholeNumber,
} from "./flags.js";
import { coefficientsHelp, examplesHelp, methodsHelp, patternsHelp, updatesHelp } from "./help.js";
import { readTextFile, styleOf } from "./io.js";
import { addCommonFlags, type CommonFlags, fileOptions, loadOptions, objectOrText } from "./load-flags.js";
import { type ListenerOf, withProgress } from "./progress.js";
import { pruneJson } from "./prune-json.js";
import { pruneSummary } from "./prune-summary.js";

/** Flags as Commander gives them: options of `prune` are still text. */
interface PruneFlags extends CommonFlags, EvaluationFlags {
  readonly preset?: string;
  readonly method?: string;
  readonly sparsity?: string;
  readonly scope?: string;
  readonly pattern?: string;
  readonly permute?: boolean;
  readonly coefficients?: string;
  readonly reconstruct?: string;
  readonly sequential?: string | true;
  readonly target?: string;
  readonly repair?: string;
  readonly damping?: string;
  readonly blockSize?: string;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly calibration?: string;
  readonly calibrationCount?: string;
  readonly calibrationLength?: string;
  readonly calibrationMemory?: string;
  readonly passes?: string;
  readonly verify?: boolean;
  readonly encoding?: string;
  readonly compareBytes?: boolean;
  readonly out?: string;
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly threads?: number;
}

/** Gives the command its flags and its action. */
export function pruneCommand(command: Command, context: CliContext): void {
  command
    .summary("prune a model into a folder")
    .description("Prunes a model and writes it to a folder that transformers.js loads like any other model.")
    .option("--out <dir>", "folder for the pruned model; a dry run does without")
    .option("--dry-run", "say what would be done and about how much memory and time it takes, and do nothing")
    .option("--force", "replace a model folder, with all that is in it");
  addPruneFlags(command);
  addEvaluationFlags(command, { summary: "UTF-8 text to measure perplexity on, before and after", required: false });
  addCommonFlags(command);
  command.option("--threads <n>", "threads that compute masks (default: one per core)", wholeNumber(1));
  command
    .addHelpText("after", () =>
      [
        updatesHelp(),
        methodsHelp(),
        coefficientsHelp(),
        patternsHelp(),
        examplesHelp([
          "transformers-prune prune HuggingFaceTB/SmolLM2-135M --out pruned",
          "transformers-prune prune ./model --pattern 2:4 --preset best --out pruned",
          "transformers-prune prune ./model --method wanda --sparsity 0.6 --exclude layers.0 --out pruned",
          "transformers-prune prune ./model --pattern 2:4 --encoding packed --out pruned",
          "transformers-prune prune ./model --dtype q4 --dry-run",
          "transformers-prune prune ./model --pattern 2:4 --calibration domain.txt --text novel.txt --out pruned",
          `transformers-prune prune ./model --coefficients '{"window":0.3,"size":7}' --out pruned --json`,
        ]),
      ].join("\n"),
    )
    .action((model: string, flags: PruneFlags) => runPrune(model, flags, command, context));
}

async function runPrune(model: string, flags: PruneFlags, command: Command, context: CliContext): Promise<void> {
  const { io, commands } = context;
  refuseStrayFlags(flags, command);
  const texts = flags.calibration === undefined ? undefined : await readTextFile(flags.calibration, "--calibration");
  const text = flags.text === undefined ? undefined : await readTextFile(flags.text, "--text");
  const prune = asUsage(command, () => pruneOption(flags, texts));
  // Resolved here only to refuse what is wrong before a model is fetched, naming flags.
  asUsage(command, () => resolvePruneOption(prune, flagLabel()));

  const how = {
    ...loadOptions(flags),
    prune: prune as PruneOption,
    ...(flags.force !== undefined && { force: flags.force }),
    ...(flags.threads !== undefined && { threads: flags.threads }),
    signal: io.signal,
  };
  if (flags.dryRun) {
    const estimate = await commands.estimatePrune(model, {
      ...how,
      ...(flags.out !== undefined && { out: flags.out }),
    });
    io.stdout.write(
      flags.json ? `${JSON.stringify(estimate, null, 2)}\n` : dryRunSummary(estimate, styleOf(io.stdout, io.env)),
    );
    return;
  }
  const out = flags.out as string;
  const { result, perplexity } = await withProgress(io, flags.quiet === true, async (listenerOf) => {
    const perplexityOf = (which: string, load: Partial<EvaluateOptions>, of: string) =>
      measure(which, load, of, text ?? "", flags, context, listenerOf);
    // First, so that a text that cannot serve is known before the work.
    const dense = text === undefined ? undefined : await perplexityOf(model, loadOptions(flags), "dense");
    const result = await commands.pruneModel(model, { ...how, out, onProgress: listenerOf() });
    if (dense === undefined) return { result, perplexity: undefined };
    // The folder just written is local, whatever the model was.
    const local = { ...fileOptions(flags), local_files_only: true };
    return { result, perplexity: { dense, pruned: await perplexityOf(result.out, local, "pruned") } };
  });
  const json = pruneJson(model, result, perplexity);
  io.stdout.write(flags.json ? `${JSON.stringify(json, null, 2)}\n` : pruneSummary(json, styleOf(io.stdout, io.env)));
}

/** Flags that say nothing without another, or contradict one. */
function refuseStrayFlags(flags: PruneFlags, command: Command): void {
  if (flags.dryRun && flags.text !== undefined)
    command.error("error: --text measures perplexity, and a dry run does not run the model; leave one of them out");
  if (!flags.dryRun && flags.out === undefined) command.error("error: required option '--out <dir>' not specified");
  const stray = (["length", "windows", "stride"] as const).find((name) => flags[name] !== undefined);
  if (flags.text === undefined && stray !== undefined)
    command.error(`error: --${stray} is for measuring perplexity and needs --text FILE`);
}

/** The `prune` option that the flags spell. Numbers become numbers; what is wrong is left to the options to refuse. */
function pruneOption(flags: PruneFlags, texts: string | undefined): Record<string, unknown> {
  const calibration = withoutUndefined({
    texts,
    count: numberOrText(flags.calibrationCount),
    length: numberOrText(flags.calibrationLength),
    bos: flags.bos,
    memory: numberOrText(flags.calibrationMemory),
  });
  return withoutUndefined({
    preset: flags.preset,
    method: flags.method,
    sparsity: numberOrText(flags.sparsity),
    scope: flags.scope,
    pattern: flags.pattern,
    permute: flags.permute,
    coefficients: flags.coefficients,
    reconstruct: unlessNone(flags.reconstruct, (text) =>
      objectOrText("--reconstruct", text, '{"name":"sparsellm","steps":4}'),
    ),
    sequential: sequentialOf(flags.sequential),
    target: flags.target,
    repair: unlessNone(flags.repair, (names) => names.split(",").map((name) => name.trim())),
    damping: numberOrText(flags.damping),
    blockSize: numberOrText(flags.blockSize),
    include: flags.include,
    exclude: flags.exclude,
    calibration: Object.keys(calibration).length === 0 ? undefined : calibration,
    passes: numberOrText(flags.passes),
    verify: flags.verify,
    encoding: flags.encoding,
    compareBytes: flags.compareBytes,
  });
}

/** What a flag says; "none" turns off what a preset would do. */
function unlessNone<T = string>(text: string | undefined, read: (text: string) => T = (same) => same as T) {
  return text === undefined ? undefined : text === "none" ? (false as const) : read(text);
}

/** `--sequential`, `--sequential 10`, `--sequential none`. */
function sequentialOf(flag: string | true | undefined): unknown {
  if (flag === undefined || flag === true) return flag;
  return unlessNone(flag, (groups) => ({ groups: numberOrText(groups) }));
}

const withoutUndefined = (source: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(source).filter(([, value]) => value !== undefined));

/** Perplexity of a model; what it becomes is measured with the same text, windows and dtype. */
async function measure(
  model: string,
  load: Partial<EvaluateOptions>,
  of: string,
  text: string,
  flags: PruneFlags,
  { io, commands }: CliContext,
  listenerOf: ListenerOf,
): Promise<number> {
  const { perplexity } = await commands.evaluateModel(model, {
    ...load,
    text,
    ...evaluationOptions(flags),
    signal: io.signal,
    onProgress: listenerOf(of),
  });
  return perplexity;
}
