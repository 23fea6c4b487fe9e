/**
 * The registry of this machine: one file in the cache folder, which every process on the machine that
 * uses this cache reads. Changes are made under a lock, and the file appears whole. Node only: the room's
 * index leaves it out.
 */
import { mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { withLock, withStorageErrors, writeWholeFile } from "../store/folders.js";
import type { CoefficientRecord } from "./record.js";
import { readRegistryText, registryText } from "./record.js";

/** Name of the registry in the cache folder. */
const REGISTRY_NAME = "coefficients.json";

/** Path of the registry in a cache folder; null where there is no cache. */
export const registryIn = (cacheRoot: string | null): string | null =>
  cacheRoot === null ? null : `${cacheRoot}/${REGISTRY_NAME}`;

/**
 * The records of a registry file; none where there is no file.
 *
 * @throws PruneError `bad-option` or `unknown-option` naming file and key where it is damaged; `storage`
 */
export async function readRegistryFile(path: string): Promise<readonly CoefficientRecord[]> {
  const text = await withStorageErrors(`cannot read ${path}`, () =>
    readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return null;
      throw error;
    }),
  );
  return text === null ? [] : readRegistryText(text, path);
}

/** Writes a registry file that appears whole. Two processes must not write one at the same time. */
export async function writeRegistryFile(path: string, records: readonly CoefficientRecord[]): Promise<void> {
  await withStorageErrors(`cannot write ${path}`, async () => {
    await mkdir(dirname(path), { recursive: true });
    await writeWholeFile(path, registryText(records));
  });
}

/**
 * Adds a record, in the place of the one of the same model, method, pattern and judge.
 *
 * @throws PruneError as {@link readRegistryFile}; `storage`; the signal's reason when aborted while waiting
 */
export async function addRecord(path: string, record: CoefficientRecord, signal?: AbortSignal): Promise<void> {
  await changeRegistry(path, signal, (records) => [...records.filter((each) => !isSameSubject(each, record)), record]);
}

/**
 * Adds records of another registry. Of two for the same model, method, pattern and judge the newer stays.
 *
 * @returns those that were taken
 * @throws as {@link addRecord}
 */
export async function mergeRecords(
  path: string,
  others: readonly CoefficientRecord[],
  signal?: AbortSignal,
): Promise<readonly CoefficientRecord[]> {
  const newest = others.filter((record) => !others.some((other) => isNewer(other, record)));
  let taken: readonly CoefficientRecord[] = [];
  await changeRegistry(path, signal, (records) => {
    const isKnown = (record: CoefficientRecord) =>
      records.some((own) => isSameSubject(own, record) && own.date >= record.date);
    taken = newest.filter((record) => !isKnown(record));
    return [...records.filter((own) => !taken.some((record) => isSameSubject(own, record))), ...taken];
  });
  return taken;
}

/** Whether two records answer the same question. Each metric asks its own. */
const isSameSubject = (a: CoefficientRecord, b: CoefficientRecord): boolean =>
  a.model.fingerprint === b.model.fingerprint &&
  a.method === b.method &&
  a.pattern === b.pattern &&
  a.judge.name === b.judge.name;

const isNewer = (a: CoefficientRecord, b: CoefficientRecord): boolean => isSameSubject(a, b) && a.date > b.date;

/** One process at a time reads, changes and writes the registry, so no change is lost. */
async function changeRegistry(
  path: string,
  signal: AbortSignal | undefined,
  change: (records: readonly CoefficientRecord[]) => readonly CoefficientRecord[],
): Promise<void> {
  await withLock(`${path}.lock`, signal, async () => writeRegistryFile(path, change(await readRegistryFile(path))));
}
