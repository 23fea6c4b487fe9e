/**
 * What keeps pruned models, whatever it is: folders on a disk, a browser's cache, memory. An entry is
 * a set of files and their record; it appears whole or not at all. Adding a store: one file that
 * returns a `ResultStore`, and a test that runs the common suite (test/store/result-store-suite.ts).
 */
import type { ByteSource, ExternalFile, ModelInput, ModelSink } from "../onnx/index.js";
import type { EntryFile, PruneRecord } from "./record.js";
import type { Unfinished } from "./unfinished.js";

/** SHA-256 of a source's content as hex. */
export type HashSource = (source: ByteSource, signal?: AbortSignal) => Promise<string>;

/** An entry while it is written. */
export interface EntryDraft {
  /** A sink for the ONNX writer, into a subfolder ("" for none). */
  sink(subfolder: string): ModelSink;
  /** Writes a small file whole. */
  write(name: string, content: string | Uint8Array): Promise<void>;
  /** Ends the files written through sinks; returns all files of the draft so far. */
  finishFiles(): Promise<readonly EntryFile[]>;
  /** Puts the entry in its place; what stood there goes. */
  commit(): Promise<void>;
  /** Removes the draft. Does nothing after `commit`. */
  discard(): Promise<void>;
}

/** A session file of an entry, as a reader of ONNX or a runtime takes it. */
export interface KeptFile {
  readonly input: ModelInput;
  readonly externalData?: readonly ExternalFile[];
}

/** Keeps pruned models under names that tell their content. */
export interface ResultStore {
  readonly hash: HashSource;
  /**
   * Runs `work` while nobody else works on this entry, in whatever process or page.
   *
   * @throws the signal's reason when aborted while waiting
   */
  exclusively<T>(entry: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T>;
  /** The record of an entry whose key this is and whose files are all as they were written; else null. */
  read(entry: string, key: string): Promise<PruneRecord | null>;
  /**
   * Begins an entry.
   *
   * @throws PruneError `storage`, here and from the draft's methods; `details.full` is true where it is for
   *   want of room
   */
  draft(entry: string): Promise<EntryDraft>;
  /** Where the work on an entry puts finished parts aside until it is committed; to be used under `exclusively`. */
  unfinished(entry: string): Unfinished;
  /** A session file of an entry that `read` has found, by its name without folder. */
  open(entry: string, fileName: string): Promise<KeptFile>;
}
