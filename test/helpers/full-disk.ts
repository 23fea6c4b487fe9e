/**
 * A disk that runs full, for tests: `vi.mock("node:fs/promises", fullDisk)` makes files that are
 * opened for writing take `disk.free` bytes and then fail as a full disk does.
 */

/** Bytes that can still be written, and renames that fail (by their number from now on, 1 is the next). */
export const disk = { free: Number.POSITIVE_INFINITY, failingRename: 0 };

/** Makes the disk as large as it is. */
export function emptyDisk(): void {
  disk.free = Number.POSITIVE_INFINITY;
  disk.failingRename = 0;
}

type FileSystem = typeof import("node:fs/promises");

const failure = (code: string, sentence: string) => Object.assign(new Error(`${code}: ${sentence}`), { code });

/** Factory for `vi.mock`. */
export async function fullDisk(importOriginal: () => Promise<unknown>): Promise<FileSystem> {
  const real = (await importOriginal()) as FileSystem;
  const take = (bytes: number) => {
    if (bytes > disk.free) throw failure("ENOSPC", "no space left on device, write");
    disk.free -= bytes;
  };
  return {
    ...real,
    open: (async (...args: Parameters<FileSystem["open"]>) => {
      const handle = await real.open(...args);
      const write = handle.write.bind(handle) as (...args: unknown[]) => Promise<unknown>;
      const limited = async (chunk: Uint8Array, ...rest: unknown[]) => {
        take((rest[1] as number | undefined) ?? chunk.byteLength);
        return write(chunk, ...rest);
      };
      return Object.assign(handle, { write: limited });
    }) as FileSystem["open"],
    writeFile: (async (path, content, ...rest) => {
      take(Buffer.byteLength(content as string | Uint8Array));
      return real.writeFile(path, content, ...rest);
    }) as FileSystem["writeFile"],
    rename: (async (from, to) => {
      if (disk.failingRename > 0 && --disk.failingRename === 0) throw failure("EBUSY", "resource busy, rename");
      return real.rename(from, to);
    }) as FileSystem["rename"],
  };
}
