/**
 * The `calibration` option: where samples come from (built-in text, texts, token ids, feeds, or a
 * function that uses the model) and how text is cut. Samples themselves are only looked at as far
 * as that costs nothing: a stream of feeds is not started here.
 */
import { PruneError } from "../errors.js";
import { mustBeBoolean, mustBeBytes, mustBeFunction, mustBeInteger, mustBeText } from "./must-be.js";
import { badOption, isOptionsObject, type Label, OptionReader, type Read } from "./option-reader.js";
import { type CalibrationOptionName, DEFAULTS, LIMITS } from "./table.js";
import type { CalibrationSource, RawFeeds, ResolvedCalibration } from "./types.js";

/** What is taken where no calibration is given: the built-in text in 32 samples of 512 tokens. */
export const DEFAULT_CALIBRATION: ResolvedCalibration = Object.freeze({
  source: Object.freeze({ kind: "built-in" } as const),
  count: DEFAULTS.count,
  length: DEFAULTS.length,
  bos: DEFAULTS.bos,
  id: null,
  memory: null,
});

/**
 * Reads the object of the `calibration` option.
 *
 * @throws PruneError `bad-option` for wrong values, several sources, `count`, `length` and `bos` beside
 *   a source that is not text, or `id` beside one whose content is known; `unknown-option`;
 *   `bad-calibration` for empty samples
 */
export const readCalibration: Read<ResolvedCalibration> = (value, label) => {
  if (!isOptionsObject(value)) throw badOption(label, "an object such as { texts: [...], count: 32 }", value);
  const reader = new OptionReader<CalibrationOptionName>(value, label);
  const sources = [
    reader.get("texts", readTexts),
    reader.get("tokens", readTokens),
    reader.get("feeds", readFeeds),
    reader.get("run", readRun),
  ].filter((source) => source !== undefined);
  const id = reader.get("id", mustBeText);
  const count = reader.get("count", mustBeInteger(1, LIMITS.count));
  // A sample of one token has nothing to predict, and with BOS it would hold no text at all.
  const length = reader.get("length", mustBeInteger(2, LIMITS.length));
  const bos = reader.get("bos", mustBeBoolean);
  const memory = reader.get("memory", mustBeBytes(LIMITS.leastMemory));
  reader.refuseUnread();

  const [source = DEFAULT_CALIBRATION.source, second] = sources;
  if (second !== undefined)
    throw new PruneError(
      "bad-option",
      `${label.text} has several sources of samples (${sources.map(({ kind }) => kind).join(", ")}); give one`,
      { details: { option: label.text } },
    );
  refuseCutsOfReadySamples(source, { count, length, bos }, label);
  if (id !== undefined) refuseNameOfContent(source, label);
  if (memory !== undefined) refuseBoundOfRun(source, label);
  return Object.freeze({
    source: Object.freeze(source),
    count: count ?? DEFAULTS.count,
    length: length ?? DEFAULTS.length,
    bos: bos ?? DEFAULTS.bos,
    id: id ?? null,
    memory: memory ?? null,
  });
};

/** `count`, `length` and `bos` say how text is cut; ready samples are used as they are, so ignoring them would surprise. */
function refuseCutsOfReadySamples(source: CalibrationSource, cuts: Record<string, unknown>, label: Label): void {
  if (source.kind === "built-in" || source.kind === "texts") return;
  const given = Object.keys(cuts).find((key) => cuts[key] !== undefined);
  if (given === undefined) return;
  throw new PruneError(
    "bad-option",
    `${label.of(given).text} says how text is cut into samples, but ${label.of(source.kind).text} is used as it is; leave it out`,
    { details: { option: label.of(given).text } },
  );
}

/** The host opens the model for `run`, and it knows no parts. */
function refuseBoundOfRun({ kind }: CalibrationSource, label: Label): void {
  if (kind !== "run") return;
  throw new PruneError(
    "bad-option",
    `${label.of("memory").text} runs the model in parts, but ${label.of("run").text} is given the whole of it; leave one of them out`,
    { details: { option: label.of("memory").text } },
  );
}

/** Text and token ids are known by their content; a name beside it could only contradict it. */
function refuseNameOfContent({ kind }: CalibrationSource, label: Label): void {
  if (kind === "feeds" || kind === "run") return;
  throw new PruneError(
    "bad-option",
    `${label.of("id").text} names samples given as ${label.of("feeds").text} or by ${label.of("run").text}; text and token ids are known by their content, leave it out`,
    { details: { option: label.of("id").text } },
  );
}

const readTexts: Read<CalibrationSource> = (value, label) => {
  const texts: readonly unknown[] = Array.isArray(value) ? value : [value];
  const wrong = texts.find((text) => typeof text !== "string");
  if (wrong !== undefined) throw badOption(label, "a text or an array of texts", wrong);
  const text = texts.join("\n\n");
  if (text.trim() === "")
    throw noSamples(
      label,
      "no text",
      "give texts the model would meet in use, or leave it out to use the built-in text",
    );
  return { kind: "texts", text };
};

const readTokens: Read<CalibrationSource> = (value, label) => {
  if (!Array.isArray(value)) throw badOption(label, "an array of samples, each an array of token ids", value);
  if (value.length === 0) throw noSamples(label, "no samples", "give at least one array of token ids");
  const samples = value.map((sample: unknown, index) => {
    const at = label.of(String(index));
    if (!Array.isArray(sample)) throw badOption(at, "an array of token ids", sample);
    if (sample.length === 0) throw noSamples(at, "no tokens", "leave empty samples out");
    const wrong = sample.findIndex((id) => !Number.isSafeInteger(id) || id < 0);
    if (wrong >= 0) throw badOption(at.of(String(wrong)), "a token id, a whole number from 0", sample[wrong]);
    return Object.freeze([...(sample as number[])]);
  });
  return { kind: "tokens", samples: Object.freeze(samples) };
};

const readFeeds: Read<CalibrationSource> = (value, label) => {
  const isIterable =
    typeof value === "object" && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);
  if (!isIterable) throw badOption(label, "an iterable or async iterable of input objects", value);
  if (Array.isArray(value) && value.length === 0)
    throw noSamples(label, "no samples", "give at least one object of inputs, by input name");
  return { kind: "feeds", feeds: value as Iterable<RawFeeds> | AsyncIterable<RawFeeds> };
};

const readRun: Read<CalibrationSource> = (value, label) => ({
  kind: "run",
  run: mustBeFunction(value, label) as (pipe: never) => unknown,
});

/** Whether the samples can be read only once: an iterator, such as a running generator, rather than a collection. */
export function isOneShot(source: CalibrationSource): boolean {
  return source.kind === "feeds" && "next" in source.feeds;
}

function noSamples(label: Label, found: string, remedy: string): PruneError {
  return new PruneError("bad-calibration", `${label.text} holds ${found}; ${remedy}`, {
    details: { option: label.text },
  });
}
