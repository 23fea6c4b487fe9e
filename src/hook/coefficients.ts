/** The registry of coefficients for its users: list it, take it elsewhere, bring in what others have tuned. */
import { resolve } from "node:path";
import { PruneError } from "../errors.js";
import { badOption, dottedLabel, unknownOption } from "../options/index.js";
import { type CoefficientRecord, type Registry, readRecordsText, readText } from "../registry/index.js";
import { mergeRecords, readRegistryFile, registryIn, writeRegistryFile } from "../registry/local.js";
import { SHIPPED } from "../registry/shipped.js";
import { cacheRootOf } from "./model-folders.js";
import type { LoadOptions } from "./tokenizer.js";

/** Which registry is meant: the one beside the host's cache, or in the cache that is named. */
export type RegistryOptions = Pick<LoadOptions, "cache_dir">;

/** A record, and whether it was tuned or imported on this machine or came with the package. */
export interface ListedCoefficients {
  readonly from: Registry["kind"];
  readonly record: CoefficientRecord;
}

/**
 * Every record that `coefficients: "auto"` may take, in the order in which they are asked.
 *
 * @throws PruneError naming file and key where the registry is damaged
 */
export async function listCoefficients(options: RegistryOptions = {}): Promise<readonly ListedCoefficients[]> {
  const path = readRegistryOptions(options, "listCoefficients()");
  const own = path === null ? [] : await readRegistryFile(path);
  return [
    ...own.map((record) => ({ from: "tuned", record }) as const),
    ...SHIPPED.map((record) => ({ from: "shipped", record }) as const),
  ];
}

/**
 * Adds the records of a file to the registry. Of two for the same model, method and pattern the newer stays.
 *
 * @param file path or URL of a registry file, or of the one record that a tuning wrote
 * @returns the records that were taken
 * @throws PruneError `not-found`, `bad-option` or `unknown-option` for the file; `storage`
 */
export async function importCoefficients(
  file: string,
  options: RegistryOptions = {},
): Promise<readonly CoefficientRecord[]> {
  const path = writableRegistry(readRegistryOptions(options, "importCoefficients()"));
  const location = readFileName(file);
  return mergeRecords(path, readRecordsText(await readText(location), location));
}

/**
 * Writes what was tuned or imported on this machine to a registry file. A registry file of that name is replaced.
 *
 * @returns the records that were written
 * @throws PruneError `storage` where `file` cannot be written, or is something else; `not-found` where there is no record
 */
export async function exportCoefficients(
  file: string,
  options: RegistryOptions = {},
): Promise<readonly CoefficientRecord[]> {
  const path = writableRegistry(readRegistryOptions(options, "exportCoefficients()"));
  const target = resolve(readFileName(file));
  const records = await readRegistryFile(path);
  if (records.length === 0)
    throw new PruneError("not-found", `${path} has no coefficients to export; run transformers-prune tune first`);
  await refuseOther(target);
  await writeRegistryFile(target, records);
  return records;
}

/** What is no registry is nothing that an export may replace. */
async function refuseOther(file: string): Promise<void> {
  try {
    await readRegistryFile(file);
  } catch (cause) {
    throw new PruneError("storage", `${file} exists and is no registry of coefficients; name another file`, {
      details: { file },
      cause,
    });
  }
}

function readRegistryOptions(options: RegistryOptions, name: string): string | null {
  const unknown = Object.keys(options).find((key) => key !== "cache_dir");
  if (unknown !== undefined) throw unknownOption(dottedLabel(name), unknown, ["cache_dir"]);
  return registryIn(cacheRootOf(options.cache_dir));
}

function writableRegistry(path: string | null): string {
  if (path !== null) return path;
  throw new PruneError(
    "storage",
    "there is no registry of coefficients, because transformers.js keeps nothing on disk (env.useFSCache, env.cacheDir); name a folder with cache_dir",
  );
}

function readFileName(file: unknown): string {
  if (typeof file === "string" && file.trim() !== "") return file;
  throw badOption(dottedLabel("file"), "the path of a file", file);
}
