/**
 * Writes pruned files and their record into a folder that appears whole: a cache entry or an export.
 */
import { join } from "node:path";
import type { PruneReport } from "../report.js";
import { FolderDraft, type PruneRecord, RECORD_NAME, rememberHash } from "../store/index.js";
import { VERSION } from "../version.js";
import type { MaskedPlan } from "./mask-by-samples.js";
import type { PlanKey } from "./plan.js";
import type { ProgressMeter } from "./progress-meter.js";
import { reportOf } from "./report-of.js";
import { writePlan } from "./write-plan.js";

/** A masked file and its progress. */
export type EntryFile = MaskedPlan & { readonly meter: ProgressMeter; readonly notes?: readonly string[] };

/** A folder to be written. */
export interface NewEntry {
  readonly folder: string;
  /** Where the .onnx files go in the folder, "" for the folder itself. */
  readonly subfolder: string;
  readonly key: PlanKey;
  readonly files: readonly EntryFile[];
  /** Adds what else belongs in the folder. */
  readonly addFiles?: (draft: FolderDraft) => Promise<void>;
  /** Versions of what ran the model, for the record. */
  readonly runBy: PruneRecord["runBy"];
  /** Folder that remembers hashes of unchanged files, null for none. */
  readonly memory: string | null;
}

/**
 * Writes all files, the record and whatever `addFiles` adds, then puts the folder in its place. On
 * failure or abort nothing of it is left, and what stood there before is unchanged.
 *
 * @returns one report per file
 * @throws PruneError `storage`; the signal's reason when aborted
 */
export async function writeEntry(entry: NewEntry): Promise<readonly PruneReport[]> {
  const { folder, subfolder, files, addFiles, memory, runBy } = entry;
  const { seconds, ...key } = entry.key;
  const draft = await FolderDraft.create(folder);
  try {
    const reports: PruneReport[] = [];
    const hashSeconds = seconds / files.length;
    for (const { plan, masked, calibration, meter, notes = [] } of files) {
      const written = await writePlan(plan, masked, draft.sink(subfolder), meter);
      reports.push(reportOf(plan, masked, { ...written, calibration, notes, hashSeconds }));
    }
    await addFiles?.(draft);
    const record: PruneRecord = {
      format: 2,
      version: VERSION,
      runBy,
      ...key,
      files: await draft.finishFiles(),
      reports,
    };
    await draft.write(RECORD_NAME, `${JSON.stringify(record, null, 2)}\n`);
    await draft.commit();
    for (const { name, sha256 } of record.files) await rememberHash(join(folder, name), memory, sha256);
    return reports;
  } finally {
    await draft.discard();
  }
}
