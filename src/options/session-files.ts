/**
 * The map form of `prune`, `{ decoder_model_merged: "2:4", encoder_model: false }`: how it is told
 * from an object of options, and the check of its names against a model. The rule, key by key:
 *
 *  1. One key that is an option makes the object an object of options.
 *  2. Otherwise a key is a session file if its name says so (a word of it is `model`, `encoder`,
 *     `vision`, …: every session file of transformers.js has such a word).
 *  3. Any other key is taken for a slip where it is near an option (`sparcity`) or belongs to an
 *     option's object (`texts`, `power`): reported as an unknown option, never as a file.
 *  4. What is left may be a file of the user's own naming (`model_file_name`), but only with a value
 *     that `prune` takes; with any other value it is an unknown option.
 *
 * A file named like an option cannot be named in a map; use the plain form for such a model.
 */
import { PruneError } from "../errors.js";
import { METHODS } from "../score/index.js";
import { nearest } from "./nearest.js";
import { isOptionsObject, type Label, unknownOption } from "./option-reader.js";
import { looksLikePattern, looksLikePercentage } from "./pattern-option.js";
import { CALIBRATION_OPTION_NAMES, PRUNE_OPTION_NAMES } from "./table.js";
import type { ResolvedPruneOption } from "./types.js";

/** Words of session file names. Each file that transformers.js opens has at least one. */
const FILE_WORDS = new Set(
  "model encoder decoder decode embed embeds vision audio speech voice image img language head denoiser".split(" "),
);

const isOption = (key: string): boolean => (PRUNE_OPTION_NAMES as readonly string[]).includes(key);
const isNamedLikeFile = (key: string): boolean => key.split(/[_\-.]/).some((word) => FILE_WORDS.has(word));

/**
 * Whether an object given as `prune` is a map by session file (true) or an object of options (false).
 *
 * @throws PruneError `unknown-option` where a key is neither
 */
export function isSessionFileMap(value: Readonly<Record<string, unknown>>, label: Label): boolean {
  const keys = Object.keys(value);
  if (keys.length === 0 || keys.some(isOption)) {
    refuseFilesAmongOptions(keys, label);
    return false;
  }
  for (const key of keys) {
    if (isNamedLikeFile(key)) continue;
    const meant = meantOption(key);
    if (meant !== null || !couldBePruneValue(value[key])) throw unknownOption(label, key, PRUNE_OPTION_NAMES, meant);
  }
  return true;
}

/** `{ method: "ria", encoder_model: false }` mixes two forms; saying so helps more than "unknown option". */
function refuseFilesAmongOptions(keys: readonly string[], label: Label): void {
  const file = keys.find((key) => !isOption(key) && isNamedLikeFile(key) && nearest(key, PRUNE_OPTION_NAMES) === null);
  if (file === undefined) return;
  throw new PruneError(
    "unknown-option",
    `${label.text} has no option "${file}"; if it is a session file, give every file its own options: ` +
      `{ ${file}: { ${keys.find(isOption)}: … } }. Options: ${PRUNE_OPTION_NAMES.join(", ")}`,
    { details: { option: file, allowed: PRUNE_OPTION_NAMES } },
  );
}

/** What a key that is no option was probably meant to be, or null. */
function meantOption(key: string): string | null {
  if ((CALIBRATION_OPTION_NAMES as readonly string[]).includes(key)) return `calibration.${key}`;
  const isParameter = Object.values(METHODS).some(({ parameters }) => parameters.some(({ name }) => name === key));
  return isParameter ? `coefficients.${key}` : nearest(key, PRUNE_OPTION_NAMES);
}

function couldBePruneValue(value: unknown): boolean {
  if (typeof value === "number") return value >= 0 && value < 1;
  if (typeof value === "string") return looksLikePattern(value) || looksLikePercentage(value);
  return typeof value === "boolean" || isOptionsObject(value);
}

/**
 * Checks that the model has every session file that a map names.
 *
 * @param files the model's session files, without dtype suffix and extension
 * @throws PruneError `unknown-option` naming the file that is not there, the nearest one and all there are
 */
export function checkNamedFiles(option: Pick<ResolvedPruneOption, "namedFiles">, files: readonly string[]): void {
  const missing = option.namedFiles.find((name) => !files.includes(name));
  if (missing === undefined) return;
  const near = nearest(missing, files);
  throw new PruneError(
    "unknown-option",
    `prune names "${missing}", which is neither an option nor a session file of this model` +
      `${near === null ? "" : `; did you mean "${near}"?`} Session files: ${files.join(", ")}. ` +
      `Options: ${PRUNE_OPTION_NAMES.join(", ")}`,
    { details: { option: missing, allowed: files, ...(near === null ? {} : { nearest: near }) } },
  );
}
