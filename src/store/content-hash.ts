/**
 * The content hash of files, remembered by path and stamp: the second load of a model must not read
 * 500 MB of the source, nor of the cached result, to learn that nothing changed.
 */
import { join } from "node:path";
import { readNote, writeNote } from "./note.js";
import { isSettled, type Stamp, sameStamp, settledStampOf, sha256, sha256OfFile, stampOf } from "./stamp.js";
import { withStorageErrors } from "./storage-error.js";

/** Folder of remembered hashes in a cache folder; null where there is no cache. */
export function hashMemory(cacheRoot: string): string;
export function hashMemory(cacheRoot: string | null): string | null;
export function hashMemory(cacheRoot: string | null): string | null {
  return cacheRoot === null ? null : join(cacheRoot, "hashes");
}

/**
 * SHA-256 of a file's content as hex.
 *
 * @param memory folder for remembered hashes; null remembers nothing
 * @throws PruneError `storage` where the file cannot be read; the signal's reason when aborted
 */
export function contentHash(path: string, memory: string | null, signal?: AbortSignal): Promise<string> {
  return withStorageErrors(`cannot read ${path}`, async () => {
    if (memory === null) return sha256OfFile(path, signal);
    const note = noteOf(path, memory);
    const stamp = await stampOf(path);
    const known = (await readNote(note)) as { stamp?: Partial<Stamp>; sha256?: string } | null;
    if (typeof known?.sha256 === "string" && sameStamp(known.stamp, stamp)) return known.sha256;
    // The stamp is older than the hash: an edit meanwhile makes it worthless, as it should.
    const settled = isSettled(stamp);
    const hash = await sha256OfFile(path, signal);
    if (settled) await writeNote(note, { path, stamp, sha256: hash });
    return hash;
  });
}

/** Remembers the hash of a file that was just written and hashed. Never fails: it only saves time. */
export async function rememberHash(path: string, memory: string | null, hash: string): Promise<void> {
  const stamp = memory === null ? null : await settledStampOf(path).catch(() => null);
  if (memory !== null && stamp !== null) await writeNote(noteOf(path, memory), { path, stamp, sha256: hash });
}

const noteOf = (path: string, memory: string): string => join(memory, `${sha256(path).slice(0, 32)}.json`);
