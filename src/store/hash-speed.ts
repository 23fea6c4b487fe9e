/** How fast files are read and hashed on this machine: most of what reading a source and writing a result take. */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { withStorageErrors } from "./storage-error.js";

const CHUNK_BYTES = 4 << 20;
const MOST_BYTES = 64 << 20;

/**
 * Bytes a second: the median over the chunks of the first 64 MiB of a file at most.
 *
 * @throws PruneError `storage` where the file cannot be read; the signal's reason when aborted
 */
export function hashSpeed(path: string, signal?: AbortSignal): Promise<number> {
  return withStorageErrors(`cannot read ${path}`, async () => {
    const file = await open(path);
    try {
      const hash = createHash("sha256");
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      const speeds: number[] = [];
      for (let done = 0; done < MOST_BYTES; done += CHUNK_BYTES) {
        signal?.throwIfAborted();
        const start = performance.now();
        const { bytesRead } = await file.read(chunk, 0, chunk.length);
        if (bytesRead === 0) break;
        hash.update(chunk.subarray(0, bytesRead));
        speeds.push(bytesRead / Math.max(1e-6, (performance.now() - start) / 1000));
      }
      return speeds.sort((a, b) => a - b)[speeds.length >> 1] ?? Number.POSITIVE_INFINITY;
    } finally {
      await file.close();
    }
  });
}
