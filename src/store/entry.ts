/**
 * A pruned model in a folder with its record, `prune.json`: what was asked for, what came out, and
 * the hash of every file. Cache entries and exported directories are both such folders.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { PruneReport } from "../report.js";
import { contentHash } from "./content-hash.js";
import type { DraftFile } from "./folder-draft.js";
import { readNote } from "./note.js";

/** Name of the record in a folder. */
export const RECORD_NAME = "prune.json";

/** The record of a folder with pruned models. */
export interface PruneRecord {
  /** 2: reports say what share of the score every weight retains. A record of another format is none. */
  readonly format: 2;
  /** Version of this package. */
  readonly version: string;
  /** Versions of what ran the model: the host, ONNX Runtime. They are no part of the key. */
  readonly runBy: Readonly<Record<string, string>>;
  /** Hash of source content, options, calibration and version: equal keys, equal result. */
  readonly key: string;
  /** The options, resolved, as plain data. */
  readonly options: unknown;
  /** SHA-256 of the source files, by name. */
  readonly source: Readonly<Record<string, string>>;
  readonly files: readonly DraftFile[];
  readonly reports: readonly PruneReport[];
}

/**
 * The record of a folder whose files are all as they were written, or null: no folder, another key,
 * a missing, shortened, changed or unreadable file, a damaged record.
 *
 * @param key expected key, or null for any
 * @param memory folder that remembers hashes of unchanged files; null: every file is read
 */
export async function readEntry(
  folder: string,
  key: string | null,
  memory: string | null,
): Promise<PruneRecord | null> {
  const record = await readNote(join(folder, RECORD_NAME));
  if (!isRecord(record) || (key !== null && record.key !== key)) return null;
  try {
    for (const { name, bytes, sha256 } of record.files) {
      const path = join(folder, name);
      if ((await stat(path)).size !== bytes || (await contentHash(path, memory)) !== sha256) return null;
    }
    return record;
  } catch {
    return null; // a file that is missing or cannot be read
  }
}

/** Whether a file's content has the form of a record, as far as it is relied upon. */
function isRecord(value: unknown): value is PruneRecord {
  const { format, key, files, reports } = (value ?? {}) as Partial<PruneRecord>;
  return (
    format === 2 &&
    typeof key === "string" &&
    Array.isArray(reports) &&
    Array.isArray(files) &&
    files.every((file) => typeof file?.name === "string" && typeof file.sha256 === "string")
  );
}
