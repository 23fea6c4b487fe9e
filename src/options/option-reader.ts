/**
 * Reads one object of options, key by key, and refuses the keys that nobody read: an option that is
 * misspelt must not vanish without a word. The idea of checks that give back a phrase for the
 * message, and of remembering which keys were read, is esbuild's (lib/shared/common.ts).
 */
import { PruneError } from "../errors.js";
import { nearest } from "./nearest.js";

/** What an option is called in messages: `prune.calibration.count`, or `--calibration-count` on the command line. */
export interface Label {
  readonly text: string;
  /** The label of an option inside this one. */
  readonly of: (key: string) => Label;
}

/** Labels as the options are written in code: `prune`, `prune.sparsity`, `prune.model.sparsity`. */
export function dottedLabel(text: string): Label {
  return { text, of: (key) => dottedLabel(`${text}.${key}`) };
}

/**
 * Turns a value as a user gave it into what the option means.
 *
 * @throws PruneError `bad-option` (or a closer code) naming the label, what was expected and what was received
 */
export type Read<T> = (value: unknown, label: Label) => T;

/** An object whose keys are options. Maps, dates, arrays and promises are not. */
export function isOptionsObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return Object.prototype.toString.call(value) === "[object Object]";
}

/** The reader of one object. `Key` is the union of the keys it may be asked for. */
export class OptionReader<Key extends string> {
  readonly #source: Readonly<Record<string, unknown>>;
  readonly #label: Label;
  readonly #read: string[] = [];

  constructor(source: Readonly<Record<string, unknown>>, label: Label) {
    this.#source = source;
    this.#label = label;
  }

  /**
   * The value of `key`, or undefined where it is absent (a key set to `undefined` counts as absent).
   *
   * @throws what `read` throws
   */
  get<T>(key: Key, read: Read<T>): T | undefined {
    this.#read.push(key);
    const value = Object.hasOwn(this.#source, key) ? this.#source[key] : undefined;
    return value === undefined ? undefined : read(value, this.#label.of(key));
  }

  /**
   * To be called when every option was read.
   *
   * @throws PruneError `unknown-option` for the first key of the object that nobody asked for
   */
  refuseUnread(): void {
    const unread = Object.keys(this.#source).find((key) => !this.#read.includes(key));
    if (unread !== undefined) throw unknownOption(this.#label, unread, this.#read);
  }
}

/**
 * The error for a key that is no option.
 *
 * @param label of the object that holds the key
 * @param allowed every key that exists there
 * @param meant what the key was probably meant to be, where the caller knows better than edit distance
 */
export function unknownOption(
  label: Label,
  key: string,
  allowed: readonly string[],
  meant: string | null = nearest(key, allowed),
): PruneError {
  const question = meant === null ? "." : `; did you mean "${meant}"?`;
  return new PruneError(
    "unknown-option",
    `${label.text} has no option ${describeValue(key)}${question} Options: ${allowed.join(", ")}`,
    { details: { option: key, allowed, ...(meant === null ? {} : { nearest: meant }) } },
  );
}

/** The error for a value that an option does not allow: label, expected, received, and a remedy where there is one. */
export function badOption(label: Label, expected: string, received: unknown, remedy?: string): PruneError {
  const found = describeValue(received);
  return new PruneError(
    "bad-option",
    `${label.text}: expected ${expected}, received ${found}${remedy === undefined ? "" : `; ${remedy}`}`,
    { details: { option: label.text, expected, received: found } },
  );
}

/** A value in a few words, for messages: `"2;4"`, `1.5`, `null`, `an array of 3`, `an object`. */
export function describeValue(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}…` : value);
  if (Array.isArray(value)) return value.length === 0 ? "an empty array" : `an array of ${value.length}`;
  if (typeof value === "object" && value !== null) return isOptionsObject(value) ? "an object" : `a ${kindOf(value)}`;
  if (typeof value === "function" || typeof value === "symbol") return `a ${typeof value}`;
  return String(value);
}

const kindOf = (value: object): string => Object.prototype.toString.call(value).slice("[object ".length, -1);
