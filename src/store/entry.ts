/**
 * A pruned model in a folder with its record, `prune.json`: what was asked for, what came out, and
 * the hash of every file. Cache entries and exported directories are both such folders.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { contentHash } from "./content-hash.js";
import { readNote } from "./note.js";
import { isRecord, type PruneRecord, RECORD_NAME } from "./record.js";

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
