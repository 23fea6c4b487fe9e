/**
 * The file system, for rooms that run in browsers as well: this file in Node, its twin
 * `file-system.web.ts` in a page. What is here is all that those rooms use of it.
 */
import { mkdtemp, open, readFile, realpath, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";

const NODE = {
  ...{ mkdtemp, open, readFile, realpath, rm, stat, writeFile },
  tmpdir,
  ...{ dirname, isAbsolute, join, relative, resolve, sep },
  /** Memory of its own for what is read: starts at byte 0 of its buffer (any typed array fits) and is not cleared first. */
  allocate: (length: number): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.allocUnsafeSlow(length).buffer),
};

/** Functions of Node's file system, its paths and its temporary folder. */
export type FileSystem = typeof NODE;

/** An open file. */
export type OpenFile = Awaited<ReturnType<FileSystem["open"]>>;

/** What cannot be done where there is no file system, as the error there says it. */
export interface FileSystemUse {
  /** What is asked for, a clause: "model.onnx cannot be opened by its path". */
  readonly refusal: string;
  /** What to do instead, an imperative: "give the bytes or a Blob". */
  readonly remedy: string;
  /** The file that is meant. */
  readonly file?: string;
}

/**
 * The file system.
 *
 * @param _use for the error of a browser
 * @throws PruneError `unsupported` in browsers
 */
export function fileSystem(_use: FileSystemUse): FileSystem {
  return NODE;
}
