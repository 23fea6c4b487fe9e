/**
 * Writes pruned files and their record into an entry that appears whole: of a cache, or a directory.
 */
import type { PruneReport } from "../report.js";
import { type EntryDraft, type PruneRecord, RECORD_NAME } from "../store/index.js";
import { VERSION } from "../version.js";
import type { MaskedPlan } from "./mask-by-samples.js";
import type { PlanKey } from "./plan.js";
import type { ProgressMeter } from "./progress-meter.js";
import { reportOf } from "./report-of.js";
import { writePlan } from "./write-plan.js";

/** A masked file and its progress. */
export type FileOfEntry = MaskedPlan & { readonly meter: ProgressMeter };

/** An entry to be written. */
export interface NewEntry {
  /** Where it is written; committed at the end, discarded where that fails. */
  readonly draft: EntryDraft;
  /** Where the .onnx files go in the entry, "" for no folder. */
  readonly subfolder: string;
  readonly key: PlanKey;
  readonly files: readonly FileOfEntry[];
  /** Adds what else belongs in the entry. */
  readonly addFiles?: (draft: EntryDraft) => Promise<void>;
  /** Versions of what ran the model, for the record. */
  readonly runBy: PruneRecord["runBy"];
}

/**
 * Writes all files, the record and whatever `addFiles` adds, then puts the entry in its place. On
 * failure or abort nothing of it is left, and what stood there before is unchanged.
 *
 * @returns one report per file
 * @throws PruneError `storage`; the signal's reason when aborted
 */
export async function writeEntry(entry: NewEntry): Promise<readonly PruneReport[]> {
  const { draft, subfolder, files, addFiles, runBy } = entry;
  const { seconds, ...key } = entry.key;
  try {
    const reports: PruneReport[] = [];
    const hashSeconds = seconds / files.length;
    for (const { plan, masked, calibration, device, meter, notes } of files) {
      const written = await writePlan(plan, masked, draft.sink(subfolder), meter);
      reports.push(reportOf(plan, masked, { ...written, calibration, device, notes, hashSeconds }));
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
    return reports;
  } finally {
    await draft.discard();
  }
}
