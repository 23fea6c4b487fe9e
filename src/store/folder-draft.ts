/**
 * A folder that appears whole or not at all. Files are written to a hidden draft beside the final
 * name and the draft is renamed when everything is on the disk; a failure or an abort removes it,
 * and a draft whose process was killed is removed by the next run.
 */
import { createHash, type Hash } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { ModelSink } from "../onnx/index.js";
import { isAlive } from "./lock.js";
import { sha256 } from "./stamp.js";
import { withStorageErrors } from "./storage-error.js";

/** A file of a draft, as it will stand in the folder. */
export interface DraftFile {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** A folder while it is written. */
export class FolderDraft {
  private readonly open = new Map<string, { handle: FileHandle; hash: Hash; bytes: number }>();
  private readonly done: DraftFile[] = [];

  private constructor(
    /** Where the files lie until `commit`. */
    readonly path: string,
    private readonly target: string,
  ) {}

  /** Starts a draft of `target` and clears away drafts of it whose process is gone. */
  static async create(target: string): Promise<FolderDraft> {
    return withStorageErrors(`cannot write in ${dirname(target)}`, async () => {
      await mkdir(dirname(target), { recursive: true });
      await clearDeadDrafts(target);
      const path = join(dirname(target), `${draftPrefix(target)}${process.pid}-${Date.now().toString(36)}`);
      await mkdir(path, { recursive: true });
      return new FolderDraft(path, target);
    });
  }

  /** A sink for the onnx writer, into a subfolder ("" for the folder itself); hashes what passes. */
  sink(subfolder: string): ModelSink {
    return {
      write: (fileName, chunk) =>
        withStorageErrors(`cannot write ${join(this.target, subfolder, fileName)}`, async () => {
          const file = await this.file(join(subfolder, fileName));
          // The disk works while this thread hashes.
          const written = writeAll(file.handle, chunk);
          file.hash.update(chunk);
          file.bytes += chunk.byteLength;
          await written;
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
  async finishFiles(): Promise<readonly DraftFile[]> {
    for (const [name, { handle, hash, bytes }] of this.open) {
      // No fsync: a killed process loses nothing by it, and after a crash of the machine the hashes tell.
      await withStorageErrors(`cannot write ${join(this.target, name)}`, () => handle.close());
      this.open.delete(name);
      this.done.push({ name, bytes, sha256: hash.digest("hex") });
    }
    return [...this.done];
  }

  /** Puts the folder in its place; what stood there goes. */
  async commit(): Promise<void> {
    await withStorageErrors(`cannot write ${this.target}`, async () => {
      await this.finishFiles();
      const old = `${this.path}-replaced`;
      const replaced = await rename(this.target, old).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code === "ENOENT") return false;
          throw error;
        },
      );
      await rename(this.path, this.target);
      if (replaced) await rm(old, { recursive: true, force: true });
    });
  }

  /** Removes the draft. Does nothing after `commit`. */
  async discard(): Promise<void> {
    for (const { handle } of this.open.values()) await handle.close().catch(() => undefined);
    this.open.clear();
    await rm(this.path, { recursive: true, force: true }).catch(() => undefined);
  }

  private async file(name: string): Promise<{ handle: FileHandle; hash: Hash; bytes: number }> {
    const existing = this.open.get(name);
    if (existing !== undefined) return existing;
    const path = join(this.path, name);
    await mkdir(dirname(path), { recursive: true });
    const fresh = { handle: await open(path, "wx"), hash: createHash("sha256"), bytes: 0 };
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

/** Drafts carry the process that writes them: `.NAME.draft-PID-TIME`. */
const draftPrefix = (target: string): string => `.${basename(target)}.draft-`;

async function clearDeadDrafts(target: string): Promise<void> {
  const prefix = draftPrefix(target);
  for (const name of await readdir(dirname(target))) {
    if (!name.startsWith(prefix)) continue;
    const pid = Number.parseInt(name.slice(prefix.length), 10);
    if (!isAlive(pid)) await rm(join(dirname(target), name), { recursive: true, force: true });
  }
}
