/**
 * Unknown options of the functions that take a model by its name. The host drops a key that it does
 * not know, and takes a dtype that it does not know for its default, both without a word.
 */
import { PruneError } from "../errors.js";
import { badOption, dottedLabel, isOptionsObject, nearest, unknownOption } from "../options/index.js";
import type { HostLoadOptions } from "./resolve-files.js";
import { sessionFileName } from "./session-file.js";

/** What the host understands, and what every long function takes. */
const COMMON_KEYS = [
  "dtype",
  "device",
  "model_file_name",
  "subfolder",
  "use_external_data_format",
  "cache_dir",
  "local_files_only",
  "revision",
  "signal",
  "onProgress",
];

/** The host's dtypes (its DATA_TYPES). */
const DTYPES = ["auto", "fp32", "fp16", "q8", "int8", "uint8", "q4", "q4f16", "q2", "q2f16", "q1", "q1f16", "bnb4"];

/**
 * @param keys options of the function's own
 * @param name the function, for messages
 * @throws PruneError `unknown-option` for a key that is neither the function's nor the host's
 */
export function refuseUnknownKeys(options: object, keys: readonly string[], name: string): void {
  const allowed = [...keys, ...COMMON_KEYS];
  const unknown = Object.keys(options).find((key) => !allowed.includes(key));
  if (unknown !== undefined) throw unknownOption(dottedLabel(name), unknown, allowed);
}

/**
 * @throws PruneError `unknown-option` for a dtype that the host does not know, `bad-option` for what is neither a name
 *   nor a map by session file
 */
export function refuseUnknownDtype(dtype: HostLoadOptions["dtype"]): void {
  const names: unknown[] = isOptionsObject(dtype) ? Object.values(dtype) : [dtype ?? "auto"];
  for (const name of names) {
    if (typeof name !== "string")
      throw badOption(dottedLabel("dtype"), "a dtype, or a map of dtypes by session file", name);
    if (!DTYPES.includes(name)) throw unknownName("dtype", `there is no dtype "${name}"`, "Dtypes", name, DTYPES);
  }
}

/**
 * A map by session file that names one that the model does not have: the host would take its default for the file that
 * was meant, without a word.
 *
 * @param option the host's own name of the option
 * @param files session files as they lie on disk, without folder and extension
 * @throws PruneError `unknown-option`
 */
export function refuseUnknownFiles(option: "dtype" | "device", value: unknown, files: readonly string[]): void {
  if (!isOptionsObject(value)) return;
  const known = [...new Set(files.map(sessionFileName))];
  // A file that was asked for by `model_file_name` may carry a suffix in the host's eyes as well.
  const unknown = Object.keys(value).find((name) => !known.includes(name) && !files.includes(name));
  if (unknown !== undefined)
    throw unknownName(
      option,
      `${option} names "${unknown}", no session file of this model`,
      "Session files",
      unknown,
      known,
    );
}

function unknownName(
  option: string,
  finding: string,
  what: string,
  name: string,
  allowed: readonly string[],
): PruneError {
  const near = nearest(name, allowed);
  return new PruneError(
    "unknown-option",
    `${finding}${near === null ? "" : `; did you mean "${near}"?`} ${what}: ${allowed.join(", ")}`,
    { details: { option, allowed, ...(near !== null && { nearest: near }) } },
  );
}
