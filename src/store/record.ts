/** The record that lies beside pruned files: what was asked for, what came out, and which files there are. */
import type { PruneReport } from "../report.js";

/** Name of the record among the files. */
export const RECORD_NAME = "prune.json";

/** A file of an entry. */
export interface EntryFile {
  /** Path in the entry, with "/" on every system. */
  readonly name: string;
  readonly bytes: number;
  /** Of its content as hex; null where the store itself vouches for what it returns. */
  readonly sha256: string | null;
}

/** What is known of pruned files. */
export interface PruneRecord {
  /** 2: reports say what share of the score every weight retains, and what computed the masks. A record of another format is none. */
  readonly format: 2;
  /** Version of this package. */
  readonly version: string;
  /** Versions of what ran the model: the host, ONNX Runtime. They are no part of the key. */
  readonly runBy: Readonly<Record<string, string>>;
  /** Hash of source content, options, calibration and version: equal keys, equal result. */
  readonly key: string;
  /** The options, resolved, as plain data. */
  readonly options: unknown;
  /** SHA-256 of the source files, by name. */
  readonly source: Readonly<Record<string, string>>;
  readonly files: readonly EntryFile[];
  readonly reports: readonly PruneReport[];
}

/** Whether a value has the form of a record, as far as it is relied upon. */
export function isRecord(value: unknown): value is PruneRecord {
  const { format, key, files, reports } = (value ?? {}) as Partial<PruneRecord>;
  return (
    format === 2 &&
    typeof key === "string" &&
    Array.isArray(reports) &&
    Array.isArray(files) &&
    files.every((file) => typeof file?.name === "string" && typeof file.bytes === "number")
  );
}
