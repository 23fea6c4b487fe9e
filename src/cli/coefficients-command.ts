/** `transformers-prune coefficients`: what is known of coefficients on this machine, to be seen, shared and brought in. */
import type { Command } from "commander";
import type { ListedCoefficients, RegistryOptions } from "../hook/index.js";
import { plainRecord } from "../registry/index.js";
import type { CliContext } from "./commands.js";
import { examplesHelp } from "./help.js";
import { styleOf } from "./io.js";
import { formatTable } from "./text-table.js";
import { formatJudged } from "./units.js";

interface CoefficientsFlags {
  readonly cacheDir?: string;
  readonly json?: boolean;
}

/** Gives the command its subcommands. */
export function coefficientsCommand(command: Command, context: CliContext): void {
  command
    .summary("list, import or export tuned coefficients")
    .description(
      "Coefficients that were tuned are kept beside the host's cache, by model, method and pattern;\n" +
        'coefficients: "auto" takes those of the model itself or of its family.',
    )
    .addHelpText("after", () =>
      examplesHelp([
        "transformers-prune coefficients list",
        "transformers-prune coefficients export ours.json",
        "transformers-prune coefficients import ours.json",
      ]),
    );
  addFlags(command.command("list"))
    .description("Lists the coefficients that are known here, and those that come with the package.")
    .action((flags: CoefficientsFlags) => runList(flags, context));
  addFlags(command.command("import"))
    .description(
      "Adds the coefficients of a registry file or of tune --out; of two for the same model and pattern the newer stay.",
    )
    .argument("<file>", "path or URL of a registry file, or of what tune --out wrote")
    .action((file: string, flags: CoefficientsFlags) => runImport(file, flags, context));
  addFlags(command.command("export"))
    .description("Writes the coefficients that were tuned or imported here to a registry file.")
    .argument("<file>", "registry file to write")
    .action((file: string, flags: CoefficientsFlags) => runExport(file, flags, context));
  for (const subcommand of command.commands)
    subcommand.showHelpAfterError(`Try "transformers-prune coefficients ${subcommand.name()} --help".`);
}

const addFlags = (command: Command): Command =>
  command
    .option("--cache-dir <dir>", "where models from the Hub are kept (default: the host's cache)")
    .option("--json", "print the result as JSON and nothing else");

const registryOptions = ({ cacheDir }: CoefficientsFlags): RegistryOptions =>
  cacheDir === undefined ? {} : { cache_dir: cacheDir };

async function runList(flags: CoefficientsFlags, { io, commands }: CliContext): Promise<void> {
  const listed = await commands.listCoefficients(registryOptions(flags));
  const { dim } = styleOf(io.stdout, io.env);
  io.stdout.write(
    flags.json
      ? asJson(listed.map(({ from, record }) => ({ from, record: plainRecord(record) })))
      : `${describe(listed, dim).join("\n")}\n`,
  );
}

async function runImport(file: string, flags: CoefficientsFlags, { io, commands }: CliContext): Promise<void> {
  const taken = await commands.importCoefficients(file, registryOptions(flags));
  const none = "nothing was imported: what is known here is as new\n";
  io.stdout.write(
    flags.json ? asJson(taken.map(plainRecord)) : taken.length === 0 ? none : `${count(taken.length)} imported\n`,
  );
}

async function runExport(file: string, flags: CoefficientsFlags, { io, commands }: CliContext): Promise<void> {
  const written = await commands.exportCoefficients(file, registryOptions(flags));
  io.stdout.write(flags.json ? asJson(written.map(plainRecord)) : `${count(written.length)} exported to ${file}\n`);
}

const asJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
const count = (records: number): string => (records === 1 ? "1 record" : `${records} records`);

function describe(listed: readonly ListedCoefficients[], dim: (text: string) => string): string[] {
  if (listed.length === 0) return ["no coefficients are known; run transformers-prune tune, or import a registry file"];
  const figure = (value: number | null) => (value === null ? "" : formatJudged(value));
  const rows = listed.map(({ from, record: { method, pattern, family, model, judge, judged, date } }) => [
    from,
    family ?? "unknown",
    method,
    pattern,
    judge.name,
    figure(judged.ria),
    figure(judged.wanda),
    figure(judged.tuned),
    date.slice(0, "yyyy-mm-dd".length),
    model.name,
  ]);
  const head = ["from", "family", "method", "pattern", "judge", "ria", "wanda", "tuned", "date", "model"];
  const [first = "", ...rest] = formatTable(
    [head, ...rows],
    ["left", "left", "left", "left", "left", "right", "right", "right", "left"],
  );
  return [dim(first), ...rest];
}
