/**
 * A pruned model in a folder with its record, `prune.json`: what was asked for, what came out, and
 * the hash of every file. Cache entries and exported directories are both such folders.
 */
import { join } from "node:path";
import type { PruneReport } from "../report.js";
import type { DraftFile } from "./folder-draft.js";
import { readNote, writeNote } from "./note.js";
import { isSettled, type Stamp, sameStamp, settledStampOf, sha256OfFile, stampOf } from "./stamp.js";

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
 * a missing, shortened, changed or unreadable file, a damaged record.
 *
 * @param key expected key, or null for any
 */
export async function readEntry(folder: string, key: string | null): Promise<PruneRecord | null> {
  const record = await readNote(join(folder, RECORD_NAME));
  if (!isRecord(record) || (key !== null && record.key !== key)) return null;
  try {
    return (await areAsWritten(folder, record.files)) ? record : null;
  } catch {
    return null; // a file that is missing or cannot be read
  }
}

/** Remembers the stamps of files that were just written and hashed. Never fails: it only saves time. */
export async function stampEntry(folder: string, record: PruneRecord): Promise<void> {
  const stamps: Record<string, Stamp> = {};
  for (const { name } of record.files) {
    const stamp = await settledStampOf(join(folder, name)).catch(() => null);
    if (stamp !== null) stamps[name] = stamp;
  }
  await writeNote(join(folder, STAMPS_NAME), stamps);
}

/** Verifies files by their stamps, and by their content where a stamp is unknown or has changed. */
async function areAsWritten(folder: string, files: readonly DraftFile[]): Promise<boolean> {
  const note = join(folder, STAMPS_NAME);
  const known = ((await readNote(note)) ?? {}) as Readonly<Record<string, Partial<Stamp>>>;
  const stamps: Record<string, Stamp> = {};
  let isNew = false;
  for (const { name, bytes, sha256 } of files) {
    const path = join(folder, name);
    const stamp = await stampOf(path);
    if (stamp.size !== `${bytes}`) return false;
    if (!sameStamp(known[name], stamp)) {
      const settled = isSettled(stamp);
      if ((await sha256OfFile(path)) !== sha256) return false;
      if (!settled) continue;
      isNew = true;
    }
    stamps[name] = stamp;
  }
  if (isNew) await writeNote(note, stamps);
  return true;
}

/** Whether a file's content has the form of a record, as far as it is relied upon. */
function isRecord(value: unknown): value is PruneRecord {
  const { format, key, files, reports } = (value ?? {}) as Partial<PruneRecord>;
  return (
    format === 1 &&
    typeof key === "string" &&
    Array.isArray(reports) &&
    Array.isArray(files) &&
    files.every((file) => typeof file?.name === "string" && typeof file.sha256 === "string")
  );
}
