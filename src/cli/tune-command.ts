/** `transformers-prune tune`: finds coefficients for a model and a pattern, and goes on where it was stopped. */
import { resolve } from "node:path";
import type { Command } from "commander";
import type { TuneOptions, TuneResult } from "../hook/index.js";
import { resolvePruneOption } from "../options/index.js";
import type { ProgressEvent } from "../progress.js";
import { plainRecord } from "../registry/index.js";
import { readTuneSettings, tunePage } from "../tune/index.js";
import type { CliContext } from "./commands.js";
import { asUsage, Stopped } from "./failure.js";
import { flagLabel } from "./flags.js";
import { examplesHelp, objectivesHelp, optimisersHelp } from "./help.js";
import { type Io, readTextFile, styleOf } from "./io.js";
import { addCommonFlags, loadOptions } from "./load-flags.js";
import { withProgress } from "./progress.js";
import { isThere, makeWay, type OutputFile, pageFile, recordFile, writeWhole } from "./tune-files.js";
import { addTuneFlags, joinLine, namingFlags, pruneLine, prunePart, type TuneFlags, tunePart } from "./tune-flags.js";
import { tuneJson } from "./tune-json.js";
import { tuneSummary } from "./tune-summary.js";

/** Gives the command its flags and its action. */
export function tuneCommand(command: Command, context: CliContext): void {
  command
    .summary("find coefficients for a model and a pattern")
    .description(
      "Searches coefficients of a method by a cheap objective, and lets real perplexity decide between the\n" +
        "best of them, RIA and Wanda. Ctrl-C keeps what was measured; the same command goes on from there.",
    )
    .requiredOption("--out <file>", "file for the coefficients and all that says how far to trust them (JSON)")
    .option("--report <file>", "a page with plots of study and search (HTML)")
    .option("--force", "replace files of --out and --report that are something else");
  addTuneFlags(command);
  addCommonFlags(command);
  command
    .addHelpText("after", () =>
      [
        objectivesHelp(),
        optimisersHelp(),
        examplesHelp([
          "transformers-prune tune HuggingFaceTB/SmolLM2-135M --pattern 2:4 --text novel.txt --out coefficients.json",
          "transformers-prune tune ./model --sparsity 0.6 --calibration a.txt b.txt --text novel.txt --per-kind --out c.json",
          "transformers-prune tune ./model --pattern 2:4 --text novel.txt --study 40 --objective measured --out c.json --report study.html",
          "transformers-prune prune ./model --pattern 2:4 --coefficients c.json --out pruned",
        ]),
      ].join("\n"),
    )
    .action((model: string, flags: TuneFlags) => runTune(model, flags, command, context));
}

async function runTune(model: string, flags: TuneFlags, command: Command, { io, commands }: CliContext): Promise<void> {
  const files = flags.calibration ?? [];
  const texts = await Promise.all(files.map((file) => readTextFile(file, "--calibration")));
  const checkpoint = `${flags.out}.checkpoint`;
  const wanted = prunePart(flags, files.length === 0 ? undefined : texts);
  const settings = tunePart(flags, await readTextFile(flags.text, "--text"), checkpoint);
  // Resolved here only to refuse what is wrong before a model is fetched, naming flags.
  asUsage(command, () => resolvePruneOption(wanted, flagLabel()));
  asUsage(command, () => namingFlags(() => readTuneSettings(settings)));
  if (flags.report !== undefined && resolve(flags.report) === resolve(flags.out))
    command.error("error: --out and --report name the same file");
  const [record, page] = [recordFile(flags.out), flags.report === undefined ? null : pageFile(flags.report)];
  for (const file of page === null ? [record] : [record, page]) await makeWay(file, flags.force === true);

  const options = { ...loadOptions(flags), ...wanted, ...settings, signal: io.signal } as TuneOptions;
  const result = await tuneResumably(io, flags.quiet === true, checkpoint, (onProgress) =>
    commands.tune(model, { ...options, onProgress }),
  );
  await writeRecord(record, `${JSON.stringify(plainRecord(result.record), null, 2)}\n`, io);
  if (page !== null) await writeWhole(page, tunePage(result.report));
  const places = {
    out: flags.out,
    page: flags.report ?? null,
    withFile: pruneLine(model, flags, flags.out),
    withAuto: pruneLine(model, flags, null),
    before: joinLine(flags),
  };
  io.stdout.write(
    flags.json
      ? `${JSON.stringify(tuneJson(result, flags.out), null, 2)}\n`
      : tuneSummary(result, places, styleOf(io.stdout, io.env)),
  );
}

/** Writes the result of the tuning. Its checkpoint is gone by now, so where the file cannot be written stderr has it. */
async function writeRecord(file: OutputFile, content: string, io: Io): Promise<void> {
  try {
    await writeWhole(file, content);
  } catch (error) {
    io.stderr.write(`${file.path} could not be written; this is what it would hold:\n${content}`);
    throw error;
  }
}

/**
 * Runs a tuning that a checkpoint holds while it is under way.
 *
 * @throws Stopped where the user stopped it, saying how far it came and where that is kept
 */
async function tuneResumably(
  io: Io,
  quiet: boolean,
  checkpoint: string,
  tune: (onProgress: (event: ProgressEvent) => void) => Promise<TuneResult>,
): Promise<TuneResult> {
  if (!quiet && (await isThere(checkpoint))) io.stderr.write(`going on with what ${checkpoint} holds\n`);
  let last: ProgressEvent | null = null;
  let lastOfSearch: ProgressEvent | null = null;
  try {
    return await withProgress(io, quiet, (listenerOf) => {
      const show = listenerOf();
      return tune((event) => {
        last = event;
        if (event.phase === "search") lastOfSearch = event;
        show(event);
      });
    });
  } catch (error) {
    if (!io.signal.aborted) throw error;
    throw new Stopped((await isThere(checkpoint)) ? stoppedAt(last, lastOfSearch, checkpoint) : NOTHING_MEASURED);
  }
}

const NOTHING_MEASURED = "stopped; nothing was measured yet";

function stoppedAt(last: ProgressEvent | null, lastOfSearch: ProgressEvent | null, checkpoint: string): string {
  const where = last === null ? "" : ` in ${last.phase} ${last.done}/${last.total}`;
  // The time that is left says nothing any more.
  const best = lastOfSearch === null ? "" : `; search: ${lastOfSearch.item.replace(/, [^,]* left$/, "")}`;
  return `stopped${where}${best}\nwhat was measured is kept in ${checkpoint}; the same command goes on from there`;
}
