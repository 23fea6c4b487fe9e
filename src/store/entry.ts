/**
 * A pruned model in a folder with its record, `prune.json`: what was asked for, what came out, and
 * the hash of every file. Cache entries and exported directories are both such folders.
 */
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PruneReport } from "../report.js";
import type { DraftFile } from "./folder-draft.js";
import { type Stamp, sameStamp, sha256OfFile, stampOf } from "./stamp.js";

/** Name of the record in a folder. */
export const RECORD_NAME = "prune.json";

/** The record of a folder with pruned models. */
export interface PruneRecord {
  readonly format: 1;
  /** Version of this package. */
  readonly version: string;
  /** Hash of source content, options, calibration and version: equal keys, equal result. */
  readonly key: string;
  /** The options, resolved, as plain data. */
  readonly options: unknown;
  /** SHA-256 of the source files, by name. */
  readonly source: Readonly<Record<string, string>>;
  readonly files: readonly DraftFile[];
  readonly reports: readonly PruneReport[];
}

/** Stamps of verified files lie beside the record, so that a later run need not read the files. */
const STAMPS_NAME = ".prune-stamps.json";

/**
 * The record of a folder whose files are all as they were written, or null: no folder, another key,
 * a missing, shortened or changed file, an unreadable record.
 *
 * @param key expected key, or null for any
 */
export async function readEntry(folder: string, key: string | null): Promise<PruneRecord | null> {
  const record = await readJson<PruneRecord>(join(folder, RECORD_NAME));
  if (record === null || record.format !== 1 || (key !== null && record.key !== key)) return null;
  if (!Array.isArray(record.files) || !Array.isArray(record.reports)) return null;
  const known = (await readJson<Record<string, Stamp>>(join(folder, STAMPS_NAME))) ?? {};
  const stamps: Record<string, Stamp> = {};
  let fresh = false;
  for (const { name, bytes, sha256 } of record.files) {
    const path = join(folder, name);
    const stamp = await stampOf(path).catch(() => null);
    if (stamp === null || stamp.size !== `${bytes}`) return null;
    const before = known[name];
    if (before === undefined || !sameStamp(before, stamp)) {
      if ((await sha256OfFile(path)) !== sha256) return null;
      fresh = true;
    }
    stamps[name] = stamp;
  }
  if (fresh) await writeStamps(folder, stamps);
  return record;
}

/** Remembers the stamps of files that were just written and hashed. */
export async function stampEntry(folder: string, record: PruneRecord): Promise<void> {
  const stamps: Record<string, Stamp> = {};
  for (const { name } of record.files) stamps[name] = await stampOf(join(folder, name));
  await writeStamps(folder, stamps);
}

/** Stamps only save time: a folder that cannot be written is verified by content every time. */
async function writeStamps(folder: string, stamps: Record<string, Stamp>): Promise<void> {
  const path = join(folder, STAMPS_NAME);
  await writeFile(`${path}.${process.pid}`, JSON.stringify(stamps))
    .then(() => rename(`${path}.${process.pid}`, path))
    .catch(() => undefined);
}

/** A JSON file, or null where it is missing or damaged. */
export async function readJson<T>(path: string): Promise<T | null> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as T;
  } catch {
    return null;
  }
}
