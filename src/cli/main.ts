/**
 * The command line as a function: arguments, streams and commands in, exit code out. It knows what
 * is typed and what is printed; the work is done by the commands that are handed in.
 */
import { Command } from "commander";
import { VERSION } from "../version.js";
import { coefficientsCommand } from "./coefficients-command.js";
import type { CliContext, Commands } from "./commands.js";
import { evalCommand } from "./eval-command.js";
import { reportFailure } from "./failure.js";
import { examplesHelp, section } from "./help.js";
import { inspectCommand } from "./inspect-command.js";
import { EXIT, type Io, mayStyle, styleOf } from "./io.js";
import { pruneCommand } from "./prune-command.js";
import { tuneCommand } from "./tune-command.js";

/** Width of help texts where the terminal does not say. */
const HELP_WIDTH = 100;

/**
 * Runs one command line.
 *
 * @param argv arguments after the program's name
 * @returns the exit code: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C. Never rejects
 */
export async function main(argv: readonly string[], io: Io, commands: Commands): Promise<number> {
  try {
    await buildProgram({ io, commands }).parseAsync(argv, { from: "user" });
    return EXIT.ok;
  } catch (error) {
    return reportFailure(error, io);
  }
}

function buildProgram(context: CliContext): Command {
  const { io } = context;
  const program = new Command("transformers-prune")
    .description("Prunes transformers.js models: calibrate, score, and set the least important weights to zero.")
    .version(VERSION, "--version", "print the version")
    .helpOption("--help", "print this help")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error:/, styleOf(io.stderr, io.env).red("error:"))),
      getOutHelpWidth: () => io.stdout.columns ?? HELP_WIDTH,
      getErrHelpWidth: () => io.stderr.columns ?? HELP_WIDTH,
      getOutHasColors: () => mayStyle(io.stdout, io.env),
      getErrHasColors: () => mayStyle(io.stderr, io.env),
    })
    .addHelpText("after", () =>
      [
        examplesHelp([
          "transformers-prune prune HuggingFaceTB/SmolLM2-135M --pattern 2:4 --out pruned",
          "transformers-prune eval pruned --text novel.txt",
          "transformers-prune inspect pruned",
        ]),
        section("Exit codes", ["0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C"]),
      ].join("\n"),
    );
  // Commands made by `command()` inherit the settings above.
  pruneCommand(program.command("prune"), context);
  evalCommand(program.command("eval"), context);
  inspectCommand(program.command("inspect"), context);
  tuneCommand(program.command("tune"), context);
  for (const command of program.commands)
    command
      .argument("<model>", "model id on the Hub, or a local directory")
      .showHelpAfterError(`Try "transformers-prune ${command.name()} --help".`);
  coefficientsCommand(program.command("coefficients"), context);
  return program.showHelpAfterError('Try "transformers-prune --help".');
}
