/**
 * A folder that appears whole or not at all. Files are written to a hidden draft beside the final
 * name and the draft is renamed when everything is on the disk; a failure or an abort removes it,
 * and a draft whose process was killed is removed by the next run.
 */
import { createHash, type Hash } from "node:crypto";
import { type FileHandle, mkdir, open, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { PruneError } from "../errors.js";
import type { ModelSink } from "../onnx/index.js";
import { rememberHash } from "./content-hash.js";
import { clearDeadDrafts, newDraftPath, replacedPath } from "./draft-names.js";
import { pathIn } from "./entry-paths.js";
import type { EntryFile } from "./record.js";
import type { EntryDraft } from "./result-store.js";
import { sha256 } from "./stamp.js";
import { withStorageErrors } from "./storage-error.js";

/** A file while it is written. */
interface OpenFile {
  readonly handle: FileHandle;
  readonly hash: Hash;
  bytes: number;
  /** The write under way. */
  writing: Promise<void>;
}

/** A folder while it is written. */
export class FolderDraft implements EntryDraft {
  private readonly open = new Map<string, OpenFile>();
  private readonly done: (EntryFile & { readonly sha256: string })[] = [];

  private constructor(
    /** Where the files lie until `commit`. */
    readonly path: string,
    private readonly target: string,
    private readonly memory: string | null,
  ) {}

  /**
   * Starts a draft and clears away what killed processes left beside it. Where `folder` is
   * a link, what it points to is written.
   *
   * @param memory folder that remembers hashes of unchanged files, those of the draft once it is committed; null: none
   * @throws PruneError `storage` where the folder cannot be written or replaced
   */
  static async create(folder: string, memory: string | null = null): Promise<FolderDraft> {
    return withStorageErrors(`cannot write ${folder}`, async () => {
      await mkdir(dirname(folder), { recursive: true });
      const target = await realpath(folder).catch(() => folder);
      await refuseUnreplaceable(target);
      await clearDeadDrafts(dirname(target));
      const path = newDraftPath(target);
      await mkdir(path);
      return new FolderDraft(path, target, memory);
    });
  }

  /** A sink for the onnx writer, into a subfolder ("" for the folder itself); hashes what passes. */
  sink(subfolder: string): ModelSink {
    return {
      write: (fileName, chunk) =>
        withStorageErrors(`cannot write ${join(this.target, subfolder, fileName)}`, async () => {
          const file = await this.file(pathIn(subfolder, fileName));
          // One write is under way while this thread hashes its chunk and the caller makes the next.
          await file.writing;
          file.writing = writeAll(file.handle, chunk);
          file.writing.catch(() => {}); // whoever awaits it next hears of it
          file.hash.update(chunk);
          file.bytes += chunk.byteLength;
        }),
    };
  }

  /** Writes a small file whole. */
  async write(name: string, content: string | Uint8Array): Promise<void> {
    await withStorageErrors(`cannot write ${join(this.target, name)}`, async () => {
      await mkdir(dirname(join(this.path, name)), { recursive: true });
      await writeFile(join(this.path, name), content);
    });
    this.done.push({ name, bytes: Buffer.byteLength(content), sha256: sha256(content) });
  }

  /** Closes the files written through sinks; returns all files of the draft so far. */
  async finishFiles(): Promise<readonly EntryFile[]> {
    for (const [name, { handle, hash, bytes, writing }] of this.open) {
      // No fsync: a killed process loses nothing by it, and after a crash of the machine the hashes tell.
      await withStorageErrors(`cannot write ${join(this.target, name)}`, async () => {
        await writing;
        await handle.close();
      });
      this.open.delete(name);
      this.done.push({ name, bytes, sha256: hash.digest("hex") });
    }
    return [...this.done];
  }

  /** Puts the folder in its place; what stood there goes, or stays where that fails. */
  async commit(): Promise<void> {
    await withStorageErrors(`cannot write ${this.target}`, async () => {
      await this.finishFiles();
      const old = replacedPath(this.path);
      const replaced = await moveIfThere(this.target, old);
      try {
        await rename(this.path, this.target);
      } catch (error) {
        if (replaced) await rename(old, this.target);
        throw error;
      }
      // The new folder stands; a rest of the old one that cannot be removed is cleared by a later run.
      if (replaced) await rm(old, { recursive: true, force: true }).catch(() => {});
    });
    for (const { name, sha256 } of this.done) await rememberHash(join(this.target, name), this.memory, sha256);
  }

  /** Removes the draft. Does nothing after `commit`. */
  async discard(): Promise<void> {
    for (const { handle, writing } of this.open.values())
      await writing.catch(() => {}).then(() => handle.close().catch(() => {}));
    this.open.clear();
    await rm(this.path, { recursive: true, force: true }).catch(() => undefined);
  }

  private async file(name: string): Promise<OpenFile> {
    const existing = this.open.get(name);
    if (existing !== undefined) return existing;
    const path = join(this.path, name);
    await mkdir(dirname(path), { recursive: true });
    const handle = await open(path, "wx");
    const fresh = { handle, hash: createHash("sha256"), bytes: 0, writing: Promise.resolve() };
    this.open.set(name, fresh);
    return fresh;
  }
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.byteLength; ) {
    const { bytesWritten } = await handle.write(chunk, at, chunk.byteLength - at);
    at += bytesWritten;
  }
}

/** @returns false where there is nothing to move */
async function moveIfThere(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

/** Says before the work what `commit` could not do after it. */
async function refuseUnreplaceable(target: string): Promise<void> {
  const facts = await stat(target).catch(() => null);
  if (facts === null) return;
  const refuse = (why: string) =>
    new PruneError("storage", `cannot write ${target}: ${why}; nothing was changed`, { details: { target } });
  if (!facts.isDirectory()) throw refuse("it is a file; name a folder");
  if (facts.dev !== (await stat(dirname(target))).dev)
    throw refuse("it is the root of a mounted volume, which cannot be replaced as a whole; name a folder inside it");
}
