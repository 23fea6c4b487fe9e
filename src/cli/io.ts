/**
 * What the command line sees of the process. Everything comes in from outside (bin.ts, or a test),
 * so `main` touches nothing global.
 */
import { readFile } from "node:fs/promises";
import { PruneError } from "../errors.js";

/** A stream to write text to; a terminal says so and knows its width. */
export type OutputStream = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };

export interface Io {
  /** Results, and nothing else. */
  readonly stdout: OutputStream;
  /** Progress and errors. */
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted on Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Exit codes, as shells and scripts expect them. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  /** 128 + SIGINT. */
  interrupted: 130,
} as const;

/** Whether terminal codes may be written to a stream: a terminal, and nobody asked for plain text (no-color.org). */
export function mayStyle(stream: OutputStream, env: Io["env"]): boolean {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";
}

/** Wraps text in terminal codes, or leaves it as it is. */
export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
}

/** The style of a stream. */
export function styleOf(stream: OutputStream, env: Io["env"]): Style {
  const code = (on: number, off: number) => (text: string) =>
    mayStyle(stream, env) ? `\u001b[${on}m${text}\u001b[${off}m` : text;
  return { bold: code(1, 22), dim: code(2, 22), red: code(31, 39) };
}

/**
 * Reads a text file that a flag names.
 *
 * @throws PruneError `not-found` where it cannot be read, `bad-option` where it is not UTF-8
 */
export async function readTextFile(path: string, flag: string): Promise<string> {
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw new PruneError("not-found", `${flag} ${path} cannot be read: ${cause.message}`, {
      details: { file: path },
      cause,
    });
  });
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new PruneError("bad-option", `${flag} ${path} is not UTF-8 text; convert it first`, {
      details: { file: path },
      cause,
    });
  }
}
