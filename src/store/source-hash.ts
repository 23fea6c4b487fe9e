/**
 * The content hash of source files, remembered by path and stamp: the second load of a model must
 * not read 500 MB to learn that nothing changed.
 */
import { join } from "node:path";
import { readNote, writeNote } from "./note.js";
import { isSettled, type Stamp, sameStamp, sha256, sha256OfFile, stampOf } from "./stamp.js";
import { withStorageErrors } from "./storage-error.js";

/**
 * SHA-256 of a file's content as hex.
 *
 * @param memory folder for remembered hashes; null remembers nothing
 * @throws PruneError `storage` where the file cannot be read; the signal's reason when aborted
 */
export function contentHash(path: string, memory: string | null, signal?: AbortSignal): Promise<string> {
  return withStorageErrors(`cannot read ${path}`, async () => {
    if (memory === null) return sha256OfFile(path, signal);
    const note = join(memory, `${sha256(path).slice(0, 32)}.json`);
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
