/**
 * Is a file still the one we knew? Size, times and inode say so without reading it (as version
 * control does); where they differ, the content decides. Change time cannot be set by programs, so
 * an edited file shows, provided the clock has moved on since the change that the stamp saw.
 */
import { createHash } from "node:crypto";
import { open, stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** What the file system says of a file without reading it. Numbers are decimal strings: they exceed 2^53. */
export interface Stamp {
  readonly size: string;
  readonly modified: string;
  readonly changed: string;
  readonly inode: string;
}

/** File systems tell times in ticks of up to 10 ms; two changes within a tick look like one. */
const TICK_MILLISECONDS = 20;

/** The stamp of a file. Errors are the file system's own. */
export async function stampOf(path: string): Promise<Stamp> {
  const { size, mtimeNs, ctimeNs, ino } = await stat(path, { bigint: true });
  return { size: `${size}`, modified: `${mtimeNs}`, changed: `${ctimeNs}`, inode: `${ino}` };
}

/** The stamp of a file that was just written, once it is settled. */
export async function settledStampOf(path: string): Promise<Stamp> {
  const stamp = await stampOf(path);
  if (isSettled(stamp)) return stamp;
  await sleep(TICK_MILLISECONDS);
  return stampOf(path);
}

/** Whether any later change to the file will show in its stamp. Only such stamps may be remembered. */
export const isSettled = ({ changed }: Stamp): boolean => Date.now() - Number(changed) / 1e6 > TICK_MILLISECONDS;

/** Whether two stamps are those of one unchanged file. `known` comes from a file and may be anything. */
export const sameStamp = (known: Partial<Stamp> | null | undefined, stamp: Stamp): boolean =>
  known?.size === stamp.size &&
  known.modified === stamp.modified &&
  known.changed === stamp.changed &&
  known.inode === stamp.inode;

/** SHA-256 of a file's content as hex, read in chunks of 4 MB. */
export async function sha256OfFile(path: string, signal?: AbortSignal): Promise<string> {
  const file = await open(path);
  try {
    const hash = createHash("sha256");
    const chunk = Buffer.allocUnsafe(4 << 20);
    for (;;) {
      signal?.throwIfAborted();
      const { bytesRead } = await file.read(chunk, 0, chunk.length);
      if (bytesRead === 0) return hash.digest("hex");
      hash.update(chunk.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

/** SHA-256 of bytes or text as hex. */
export const sha256 = (content: Uint8Array | string): string => createHash("sha256").update(content).digest("hex");
