/** Random access to bytes wherever they are: a file on disk, memory, a Blob. */
import { PruneError, type PruneErrorCode } from "../errors.js";
import { type FileSystem, fileSystem, type OpenFile } from "../file-system.node.js";
import type { ByteSource } from "./types.js";

/** One call to the file system reads at most this; longer ones fail on some platforms. */
const LONGEST_CALL = 2 ** 30;

/** Bytes in memory; nothing is copied. */
export function memorySource(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    size: bytes.length,
    async read(offset, length) {
      checkRange(this, offset, length);
      return bytes.subarray(offset, offset + length);
    },
    async close() {},
  };
}

/** A Blob or File; each read is a slice of it. */
export function blobSource(name: string, blob: Blob): ByteSource {
  return {
    name,
    size: blob.size,
    async read(offset, length) {
      checkRange(this, offset, length);
      return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
    },
    async close() {},
  };
}

/**
 * A file on disk. It is measured now, opened by the first read and kept open until `close`.
 *
 * @param path relative to the working directory or absolute
 * @param options `name` for messages, unless it is the path; `missing`: code of the error for a file that is not there
 * @throws PruneError with code `missing`; `unsupported` in browsers
 */
export async function fileSource(
  path: string,
  options: { readonly name?: string | undefined; readonly missing: PruneErrorCode },
): Promise<ByteSource> {
  const system = fileSystem({
    refusal: `${path} cannot be opened by its path`,
    remedy: "give the bytes or a Blob, and external files as externalData",
    file: path,
  });
  const { open, stat, resolve } = system;
  const refuse = (finding: string, cause?: unknown) =>
    new PruneError(options.missing, `${path}: ${finding}; check the path`, { details: { file: path }, cause });
  const facts = await stat(path).catch((cause: unknown) => {
    throw refuse("the file cannot be found or read", cause);
  });
  if (!facts.isFile()) throw refuse("expected a file, found a folder or device");
  let opening: Promise<OpenFile> | null = null;
  const source: ByteSource = {
    name: options.name ?? path,
    path: resolve(path),
    size: facts.size,
    async read(offset, length) {
      checkRange(source, offset, length);
      opening ??= open(path, "r").catch((cause: unknown) => {
        opening = null;
        throw refuse("the file cannot be opened", cause);
      });
      return readRange(system, await opening, source, offset, length);
    },
    async close() {
      const closing = opening;
      opening = null;
      await (await closing)?.close();
    },
  };
  return source;
}

async function readRange(
  { allocate }: FileSystem,
  file: OpenFile,
  source: ByteSource,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const bytes = allocate(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, Math.min(length - done, LONGEST_CALL), offset + done);
    if (bytesRead === 0) throw pastEnd(source, offset, length);
    done += bytesRead;
  }
  return bytes;
}

function checkRange(source: ByteSource, offset: number, length: number): void {
  if (offset < 0 || length < 0 || offset + length > source.size) throw pastEnd(source, offset, length);
}

function pastEnd(source: ByteSource, offset: number, length: number): PruneError {
  return new PruneError(
    "bad-model",
    `${source.name}: expected ${length} bytes at byte ${offset}, found the end of the file at ${source.size} or before; ` +
      "it is cut short or has changed since it was opened",
    { details: { file: source.name, offset, length, size: source.size } },
  );
}
