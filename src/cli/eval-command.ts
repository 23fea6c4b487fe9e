/** `transformers-prune eval`: the perplexity of a model on a text. */
import type { Command } from "commander";
import type { EvaluationReport } from "../hook/index.js";
import type { CliContext } from "./commands.js";
import { addEvaluationFlags, type EvaluationFlags, evaluationOptions } from "./flags.js";
import { examplesHelp } from "./help.js";
import { readTextFile, styleOf } from "./io.js";
import { addCommonFlags, type CommonFlags, loadOptions } from "./load-flags.js";
import { withProgress } from "./progress.js";
import { formatCount, formatPerplexity, formatSeconds } from "./units.js";

interface EvalFlags extends CommonFlags, EvaluationFlags {
  readonly text: string;
}

/** Gives the command its flags and its action. */
export function evalCommand(command: Command, context: CliContext): void {
  command
    .summary("measure the perplexity of a model")
    .description(
      "Measures the perplexity of a causal language model: the text is cut from its start into windows\n" +
        "that do not overlap (unless --stride says so), and every token of a window but the first is predicted.",
    );
  addEvaluationFlags(command, { summary: "UTF-8 text to measure on", required: true });
  command.option("--bos", "every window starts with the tokenizer's BOS and holds length − 1 text tokens");
  addCommonFlags(command);
  command
    .addHelpText("after", () =>
      examplesHelp([
        "transformers-prune eval HuggingFaceTB/SmolLM2-135M --text novel.txt --windows 64",
        "transformers-prune eval ./pruned --text novel.txt --bos --json",
      ]),
    )
    .action((model: string, flags: EvalFlags) => runEval(model, flags, context));
}

async function runEval(model: string, flags: EvalFlags, { io, commands }: CliContext): Promise<void> {
  const text = await readTextFile(flags.text, "--text");
  const evaluation = await withProgress(io, flags.quiet === true, (listenerOf) =>
    commands.evaluateModel(model, {
      ...loadOptions(flags),
      text,
      ...evaluationOptions(flags),
      signal: io.signal,
      onProgress: listenerOf(),
    }),
  );
  io.stdout.write(
    flags.json ? `${JSON.stringify(evaluation, null, 2)}\n` : describe(evaluation, styleOf(io.stdout, io.env).bold),
  );
}

function describe(evaluation: EvaluationReport, bold: (text: string) => string): string {
  const { model, dtype, windows, length, tokens, seconds } = evaluation;
  return (
    `${bold(`perplexity ${formatPerplexity(evaluation.perplexity)}`)}  ${model}, ${dtype}\n` +
    `${formatCount(tokens)} tokens predicted in ${windows} windows of ${length}, ${formatSeconds(seconds)}\n`
  );
}
