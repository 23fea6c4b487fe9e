/**
 * Finished parts as files in a folder. A file is the length of its header (8 bytes, little-endian), the header
 * as JSON with the lengths of its blobs, and the blobs; it is written beside its place and renamed into it. A process
 * that dies may leave it without all of its bytes on the disk, so the header has their hash too.
 */
import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { withStorageErrors } from "./storage-error.js";
import type { FinishedPart, Unfinished } from "./unfinished.js";
import { draftOf } from "./whole-file.js";

/** What stands before the blobs. */
interface Head {
  readonly lengths: readonly number[];
  /** SHA-256 of the header and the blobs. */
  readonly hash: string;
  readonly header: unknown;
}

const LENGTH_BYTES = 8;

/** What the folders of all such work end with. */
export const UNFINISHED = ".unfinished";
/** Work that nobody has gone on with for so long is given up; in milliseconds. */
const GIVEN_UP = 7 * 24 * 3600 * 1000;

/**
 * The folder is made when the first part is put aside; then folders beside it of work that was given up a week ago are
 * removed. One process at a time may use it.
 *
 * @param folder ends with {@link UNFINISHED}
 */
export function unfinishedInFolder(folder: string): Unfinished {
  const pathOf = (part: string) => join(folder, part);
  const storing = <T>(work: () => Promise<T>) =>
    withStorageErrors(`cannot put finished parts aside in ${folder}`, work);
  return {
    read: async (part) => {
      const found = await readPart(pathOf(part), { isWhole: false });
      // Whoever reads goes on with it, however old it is.
      if (found !== null) await utimes(folder, new Date(), new Date()).catch(() => {});
      return found;
    },
    write: (part, header, blobs) =>
      storing(async () => {
        // A path where the folder is new.
        if ((await mkdir(folder, { recursive: true })) !== undefined) await clearGivenUp(folder);
        const path = pathOf(part);
        const lengths = blobs.map(({ length }) => length);
        await writePart(path, { lengths, hash: hashOf(header, blobs), header }, blobs);
        return (await readPart(path, { isWhole: true })) as FinishedPart;
      }),
    remove: () => storing(() => rm(folder, { recursive: true, force: true })),
  };
}

/** Our own names: a hash, with or without the name of a file in front of it. */
const OWN = new RegExp(`(^|-)[0-9a-f]{32}\\${UNFINISHED}$`);

/** Removes what lies beside `folder` and was not used for long; what cannot be looked at or removed stays. */
async function clearGivenUp(folder: string): Promise<void> {
  const place = dirname(folder);
  const entries = await readdir(place, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (!entry.isDirectory() || !OWN.test(entry.name) || entry.name === basename(folder)) continue;
    const path = join(place, entry.name);
    const used = await stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => Date.now(),
    );
    if (Date.now() - used > GIVEN_UP) await rm(path, { recursive: true, force: true }).catch(() => {});
  }
}

async function writePart(path: string, head: Head, blobs: readonly Uint8Array[]): Promise<void> {
  const draft = draftOf(path);
  const text = new TextEncoder().encode(JSON.stringify(head));
  const length = new Uint8Array(LENGTH_BYTES);
  new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true);
  let file: FileHandle | undefined;
  try {
    file = await open(draft, "w");
    for (const bytes of [length, text, ...blobs]) await file.writeFile(bytes);
    await file.close();
    file = undefined;
    await rename(draft, path);
  } catch (error) {
    await file?.close().catch(() => {});
    await rm(draft, { force: true }).catch(() => {});
    throw error;
  }
}

function hashOf(header: unknown, blobs: readonly Uint8Array[]): string {
  const hash = createHash("sha256").update(JSON.stringify(header));
  for (const blob of blobs) hash.update(blob);
  return hash.digest("hex");
}

/**
 * null where there is none, or it is not what its head says.
 *
 * @param isWhole whether its bytes were written just now
 */
async function readPart(path: string, { isWhole }: { readonly isWhole: boolean }): Promise<FinishedPart | null> {
  const size = await stat(path).then(
    (found) => found.size,
    () => null,
  );
  if (size === null || size < LENGTH_BYTES) return null;
  const length = await readRange(path, 0, LENGTH_BYTES);
  const headBytes = Number(new DataView(length.buffer, length.byteOffset).getBigUint64(0, true));
  if (LENGTH_BYTES + headBytes > size) return null;
  const head = headIn(await readRange(path, LENGTH_BYTES, headBytes));
  if (head === null) return null;
  const starts = [LENGTH_BYTES + headBytes];
  for (const own of head.lengths) starts.push((starts.at(-1) as number) + own);
  if (starts.at(-1) !== size) return null;
  const blob = (index: number) => readRange(path, starts[index] as number, head.lengths[index] as number);
  if (!isWhole) {
    const blobs = await Promise.all(head.lengths.map((_, index) => blob(index)));
    if (hashOf(head.header, blobs) !== head.hash) return null;
  }
  return { header: head.header, blob };
}

function headIn(bytes: Uint8Array): Head | null {
  try {
    const head = JSON.parse(new TextDecoder().decode(bytes)) as Partial<Head> | null;
    return Array.isArray(head?.lengths) ? (head as Head) : null;
  } catch {
    return null;
  }
}

async function readRange(path: string, start: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  if (length === 0) return bytes;
  const file = await open(path, "r");
  try {
    let done = 0;
    while (done < length) {
      const { bytesRead } = await file.read(bytes, done, length - done, start + done);
      if (bytesRead === 0) throw new Error(`${path} ends before byte ${start + length}`);
      done += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}
