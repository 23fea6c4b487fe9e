/**
 * Checks for single option values. Each returns a reader whose message says what was expected.
 * Numbers must be numbers: the string "0.5" is refused, because a caller who passes one has mixed
 * up something. The command line turns its strings into numbers before it comes here.
 */
import { nearest } from "./nearest.js";
import { badOption, type Read } from "./option-reader.js";

/** Exactly true or false. */
export const mustBeBoolean: Read<boolean> = (value, label) => {
  if (typeof value !== "boolean") throw badOption(label, "true or false", value);
  return value;
};

/** A whole number from `min` to `max`, both included. */
export function mustBeInteger(min: number, max: number): Read<number> {
  return (value, label) => {
    if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max)
      throw badOption(label, `a whole number from ${min} to ${max}`, value);
    return value;
  };
}

/** A number from `min` to `max`, both included. */
export function mustBeNumber(min: number, max: number): Read<number> {
  return (value, label) => {
    if (typeof value !== "number" || !(value >= min && value <= max))
      throw badOption(label, `a number from ${min} to ${max}`, value);
    return value;
  };
}

const UNITS = { MB: 1e6, GB: 1e9 } as const;

/** Bytes, as a number or with a unit: `1e9`, `"800MB"`, `"1.5 GB"`. */
export function mustBeBytes(min: number): Read<number> {
  return (value, label) => {
    const written = typeof value === "string" ? /^(\d+(?:\.\d+)?) ?(MB|GB)$/.exec(value) : null;
    const bytes = written === null ? value : Number(written[1]) * UNITS[written[2] as keyof typeof UNITS];
    if (typeof bytes !== "number" || !(bytes >= min) || !Number.isFinite(bytes))
      throw badOption(label, `bytes from ${min}, as a number or as "800MB" or "1GB"`, value);
    return Math.floor(bytes);
  };
}

/** A text that is not blank. */
export const mustBeText: Read<string> = (value, label) => {
  if (typeof value !== "string" || value.trim() === "") throw badOption(label, "a text that is not blank", value);
  return value;
};

/** One of a few words. */
export function mustBeOneOf<const Word extends string>(words: readonly Word[]): Read<Word> {
  return (value, label) => {
    const found = words.find((word) => word === value);
    if (found !== undefined) return found;
    const near = typeof value === "string" ? nearest(value, words) : null;
    throw badOption(
      label,
      words.map((word) => `"${word}"`).join(" or "),
      value,
      near === null ? undefined : `did you mean "${near}"?`,
    );
  };
}

/** Something that can be called. */
export const mustBeFunction: Read<(...args: never[]) => unknown> = (value, label) => {
  if (typeof value !== "function") throw badOption(label, "a function", value);
  return value as (...args: never[]) => unknown;
};

/** An AbortSignal, from whichever realm or polyfill. */
export const mustBeSignal: Read<AbortSignal> = (value, label) => {
  const signal = value as Partial<AbortSignal> | null;
  if (
    typeof signal !== "object" ||
    typeof signal?.aborted !== "boolean" ||
    typeof signal.throwIfAborted !== "function" ||
    typeof signal.addEventListener !== "function"
  )
    throw badOption(label, "an AbortSignal", value, "pass the signal of an AbortController, not the controller");
  return signal as AbortSignal;
};
