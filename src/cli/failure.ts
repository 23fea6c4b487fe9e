/**
 * How a run ends when it does not end well: what is printed and with which code. A mistake of the
 * user's is one sentence; only a bug shows its stack.
 */
import { type Command, CommanderError } from "commander";
import { PruneError } from "../errors.js";
import { EXIT, type Io, styleOf } from "./io.js";

/** The work was stopped by the user. The message says what was left, in place of the usual one. */
export class Stopped extends Error {
  override readonly name = "Stopped";
}

/**
 * Prints what went wrong to stderr.
 *
 * @returns the exit code
 */
export function reportFailure(error: unknown, io: Io): number {
  // Commander has printed its own message, or the help text or version that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  const { red } = styleOf(io.stderr, io.env);
  if (io.signal.aborted) {
    io.stderr.write(`${error instanceof Stopped ? error.message : "stopped; nothing was left half-written"}\n`);
    return EXIT.interrupted;
  }
  if (error instanceof PruneError) {
    io.stderr.write(`${red("error:")} ${error.message} [${error.code}]\n`);
    return EXIT.failure;
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  io.stderr.write(`${red("unexpected error:")} ${text}\nThis is a bug; please report it with the lines above.\n`);
  return EXIT.failure;
}

/**
 * Runs a check of what the user typed; what it refuses is a usage error (message, hint, exit code 2).
 *
 * @throws CommanderError in place of a PruneError about options; other errors as they are
 */
export function asUsage<T>(command: Command, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof PruneError) || !/^(bad|unknown)-option$/.test(error.code)) throw error;
    return command.error(`error: ${error.message}`, { exitCode: EXIT.usage, code: error.code });
  }
}
