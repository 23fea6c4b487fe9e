/** The stored bytes of a job, wherever they are. */
import { fileSystem } from "../../file-system.node.js";
import { unreadableError } from "../check-job.js";
import type { StoredBytes } from "../device.js";

/**
 * Reads the bytes.
 *
 * @throws PruneError `bad-external-data` where the file cannot be read; what `read` of bytes in memory throws
 */
export async function readStored(label: string, stored: StoredBytes): Promise<Uint8Array> {
  if (stored.kind === "memory") return stored.read();
  const { path, byteOffset, byteLength } = stored;
  const { open, allocate } = fileSystem({
    refusal: `weight "${label}" cannot be read from ${path}`,
    remedy: "give the model's bytes",
    file: path,
  });
  try {
    const file = await open(path, "r");
    try {
      const bytes = allocate(byteLength);
      for (let done = 0; done < byteLength; ) {
        const { bytesRead } = await file.read(bytes, done, byteLength - done, byteOffset + done);
        if (bytesRead === 0) throw new Error(`${path} ends at byte ${byteOffset + done}`);
        done += bytesRead;
      }
      return bytes;
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw unreadableError(label, cause instanceof Error ? cause : new Error(String(cause)));
  }
}
