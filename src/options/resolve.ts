/**
 * From the friendly `prune` option to resolved, frozen options: the one place that knows all forms
 * (`true`, `0.5`, `"50%"`, `"2:4"`, an object, a map by session file) and all defaults. What it does
 * not understand it refuses; it never guesses and never drops a key.
 */
import { PruneError } from "../errors.js";
import { DEFAULT_CALIBRATION, isOneShot, readCalibration } from "./calibration-option.js";
import { readCoefficients } from "./coefficients.js";
import { mustBeGlobs } from "./globs.js";
import { mustBeBoolean, mustBeFunction, mustBeInteger, mustBeOneOf, mustBeSignal } from "./must-be.js";
import { badOption, dottedLabel, isOptionsObject, type Label, OptionReader, type Read } from "./option-reader.js";
import { combinePattern, looksLikePattern, looksLikePercentage, readNofM, readSparsity } from "./pattern-option.js";
import { isSessionFileMap } from "./session-files.js";
import { DEFAULTS, ENCODINGS, LIMITS, METHOD_NAMES, PRESET_NAMES, type PruneOptionName, SCOPES } from "./table.js";
import type { ResolvedPrune, ResolvedPruneOption } from "./types.js";
import { readUpdate } from "./update-options.js";

const NOTHING: readonly string[] = Object.freeze([]);

/**
 * Resolves the `prune` option.
 *
 * @param option as the user gave it; see `PruneOption` for the forms
 * @param label what the option is called in messages; by default as in code: `prune`, `prune.sparsity`
 * @returns frozen options per session file. In the plain form every file has the same; in the map
 *   form a file that is not named stays dense, and `namedFiles` is to be checked against the model
 *   (`checkNamedFiles`)
 * @throws PruneError `unknown-option` for a key, method or option name that does not exist;
 *   `bad-option` for a value that is not allowed; `bad-calibration` for calibration without samples
 */
export function resolvePruneOption(option: unknown, label: Label = dottedLabel("prune")): ResolvedPruneOption {
  if (!isOptionsObject(option) || !isSessionFileMap(option, label)) {
    const resolved = resolveValue(option, label);
    return Object.freeze({ forFile: () => resolved, namedFiles: NOTHING });
  }
  const byFile = new Map(Object.entries(option).map(([file, value]) => [file, resolveValue(value, label.of(file))]));
  return Object.freeze({
    forFile: (file: string) => byFile.get(file) ?? null,
    namedFiles: Object.freeze([...byFile.keys()]),
  });
}

/** What one session file is given; null leaves it dense. */
function resolveValue(value: unknown, label: Label): ResolvedPrune | null {
  if (value === false) return null;
  if (value === true) return resolveOptions({}, label);
  if (isOptionsObject(value)) return resolveOptions(value, label);
  if (typeof value === "number") return resolveOptions({ sparsity: readSparsity(value, label) }, label);
  if (typeof value === "string" && looksLikePercentage(value))
    return resolveOptions({ sparsity: readSparsity(value, label) }, label);
  if (typeof value === "string" && looksLikePattern(value)) {
    readNofM(value, label);
    return resolveOptions({ pattern: value }, label);
  }
  const preset = PRESET_NAMES.find((name) => name === value);
  if (preset !== undefined) return resolveOptions({ preset }, label);
  throw badOption(
    label,
    'true, false, a sparsity such as 0.5 or "50%", a pattern such as "2:4", the name of a preset, or an object of options',
    value,
    METHOD_NAMES.some((name) => name === value) ? `for a method write { method: "${value}" }` : undefined,
  );
}

function resolveOptions(source: Readonly<Record<string, unknown>>, label: Label): ResolvedPrune {
  const options = new OptionReader<PruneOptionName>(source, label);
  const update = readUpdate(options, source, label);
  const given = {
    sparsity: options.get("sparsity", readSparsity),
    scope: options.get("scope", mustBeOneOf(SCOPES)),
    pattern: options.get("pattern", readNofM),
    permute: options.get("permute", mustBeBoolean),
  };
  const resolved: ResolvedPrune = {
    ...update,
    pattern: Object.freeze(combinePattern(given, label)),
    coefficients: Object.freeze(
      options.get("coefficients", (value, at) => readCoefficients(value, update.method, at)) ??
        ({ kind: "auto" } as const),
    ),
    include: options.get("include", mustBeGlobs) ?? NOTHING,
    exclude: options.get("exclude", mustBeGlobs) ?? NOTHING,
    calibration: options.get("calibration", readCalibration) ?? DEFAULT_CALIBRATION,
    passes: options.get("passes", mustBeInteger(1, LIMITS.passes)) ?? null,
    verify: options.get("verify", mustBeBoolean) ?? DEFAULTS.verify,
    encoding: options.get("encoding", mustBeOneOf(ENCODINGS)) ?? DEFAULTS.encoding,
    compareBytes: options.get("compareBytes", mustBeBoolean) ?? DEFAULTS.compareBytes,
    cache: Object.freeze(options.get("cache", readCache) ?? ({ kind: "host" } as const)),
    signal: options.get("signal", mustBeSignal),
    onReport: options.get("onReport", mustBeFunction) as ResolvedPrune["onReport"],
  };
  options.refuseUnread();
  refuseSecondPassOverStream(resolved, label);
  refuseVerifyWhereItCannot(resolved, label);
  return Object.freeze(resolved);
}

const readCache: Read<ResolvedPrune["cache"]> = (value, label) => {
  if (value === true) return { kind: "host" };
  if (value === false) return { kind: "none" };
  if (typeof value === "string" && value.trim() !== "") return { kind: "folder", path: value };
  throw badOption(label, "true, false or the path of a folder", value);
};

/** A running generator is empty after the first pass, and the second would calibrate on nothing. */
function refuseSecondPassOverStream({ passes, calibration }: ResolvedPrune, label: Label): void {
  if (passes === null || passes === 1 || !isOneShot(calibration.source)) return;
  throw new PruneError(
    "bad-option",
    `${label.of("passes").text} is ${passes}, but ${label.of("calibration").of("feeds").text} can be read only once; ` +
      "give an array, or an object whose [Symbol.asyncIterator]() starts anew",
    { details: { option: label.of("passes").text } },
  );
}

/** What verify compares are perplexities, and those are of text and of the whole model. */
function refuseVerifyWhereItCannot({ verify, calibration: { source, memory } }: ResolvedPrune, label: Label): void {
  if (!verify) return;
  const calibration = label.of("calibration");
  if (memory !== null)
    throw new PruneError(
      "bad-option",
      `${label.of("verify").text} opens the whole model, which ${calibration.of("memory").text} shall avoid; leave one of them out`,
      { details: { option: label.of("verify").text } },
    );
  if (!(source.kind === "feeds" || source.kind === "run")) return;
  throw new PruneError(
    "bad-option",
    `${label.of("verify").text} compares perplexities of text, but calibration is by ${calibration.of(source.kind).text}; ` +
      `give ${calibration.of("texts").text} or ${calibration.of("tokens").text} instead, or leave verify out`,
    { details: { option: label.of("verify").text } },
  );
}
