/**
 * The content hash of source files, remembered by path and stamp: the second load of a model must
 * not read 500 MB to learn that nothing changed.
 */
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readJson } from "./entry.js";
import { type Stamp, sameStamp, sha256, sha256OfFile, stampOf } from "./stamp.js";

/**
 * SHA-256 of a file's content as hex.
 *
 * @param memory folder for remembered hashes; null remembers nothing
 */
export async function contentHash(path: string, memory: string | null, signal?: AbortSignal): Promise<string> {
  const stamp = await stampOf(path);
  if (memory === null) return sha256OfFile(path, signal);
  const note = join(memory, `${sha256(path).slice(0, 32)}.json`);
  const known = await readJson<{ stamp: Stamp; sha256: string }>(note);
  if (known !== null && sameStamp(known.stamp, stamp)) return known.sha256;
  const hash = await sha256OfFile(path, signal);
  // A note only saves time: where it cannot be written, the next load hashes again.
  const draft = `${note}.${process.pid}`;
  await mkdir(memory, { recursive: true })
    .then(() => writeFile(draft, JSON.stringify({ path, stamp, sha256: hash })))
    .then(() => rename(draft, note))
    .catch(() => undefined);
  return hash;
}
