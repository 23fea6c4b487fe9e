/**
 * Unknown options of the functions that take a model by its name. The host drops a key that it does
 * not know, and takes a dtype that it does not know for its default, both without a word.
 */
import { PruneError } from "../errors.js";
import { dottedLabel, nearest, unknownOption } from "../options/index.js";
import type { HostLoadOptions } from "./resolve-files.js";

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

/** @throws PruneError `unknown-option` for a dtype that the host does not know */
export function refuseUnknownDtype(dtype: HostLoadOptions["dtype"]): void {
  for (const name of typeof dtype === "object" && dtype !== null ? Object.values(dtype) : [dtype ?? "auto"]) {
    if (DTYPES.includes(name)) continue;
    const near = nearest(name, DTYPES);
    throw new PruneError(
      "unknown-option",
      `there is no dtype "${name}"${near === null ? "" : `; did you mean "${near}"?`} Dtypes: ${DTYPES.join(", ")}`,
      { details: { option: "dtype", allowed: DTYPES } },
    );
  }
}
