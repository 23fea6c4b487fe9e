/**
 * From a model to a pruned directory in the host's own layout, which stock transformers.js loads
 * without this package: config, tokenizer and the rest, `onnx/…`, and `prune.json`.
 */
import { basename, dirname, join, resolve } from "node:path";
import { badOption, dottedLabel, type PruneOption } from "../options/index.js";
import type { RunControl } from "../progress.js";
import {
  type MaskedPlan,
  maskBySamples,
  type Plan,
  ProgressMeter,
  reportFromCache,
  UNKEYED,
  writeEntry,
} from "../prune/index.js";
import type { PruneReport } from "../report.js";
import {
  type EntryDraft,
  FolderDraft,
  hashMemory,
  readEntry,
  sourceHasher,
  UNFINISHED,
  unfinishedInFolder,
  withLock,
} from "../store/folders.js";
import { digest, type Unfinished } from "../store/index.js";
import { addDenseFiles, addSideFiles, hashesOf, readSideFiles, refuseOccupied, refuseSource } from "./export-files.js";
import { hostRuntime, hostVersions } from "./host.js";
import { refuseUnknownKeys } from "./known-keys.js";
import { loadTokenizer } from "./location.node.js";
import { maskByRun } from "./mask-by-run.js";
import { openDeviceFor } from "./mask-device.js";
import { cacheRootOf } from "./model-folders.js";
import { givenRun, runOf } from "./model-run.js";
import { OpenPlans } from "./open-plans.js";
import type { PipelineOf, PipelineTask } from "./pipeline.js";
import { closeJob, exportKey, openJob, type PruneJob, refuseNoDirectory } from "./prune-job.js";
import { type HostLoadOptions, type ResolvedFile, reloadResolved } from "./resolve-files.js";

/** Options of {@link pruneModel}, beside the host's. */
export interface PruneModelOptions<T extends PipelineTask = never> extends HostLoadOptions, RunControl {
  /** What `calibration.run` is given: the host's pipeline of this task. Absent: the model, by the class its config names. */
  readonly task?: T;
  /** How to prune; as the `prune` option of `pipeline()`. `cache` has no say: the directory is the result. */
  readonly prune: PruneOption<[T] extends [never] ? never : PipelineOf<T>>;
  /** Directory to write. */
  readonly out: string;
  /** Replace a directory that holds something else. */
  readonly force?: boolean;
  /** Threads that compute masks; all cores, up to 8, where absent. */
  readonly threads?: number;
}

/** What was written, and what is in it. */
export interface PruneResult {
  /** Absolute path of the directory. */
  readonly out: string;
  /** One report per session file that was pruned, in order of their names. */
  readonly reports: readonly PruneReport[];
}

/** A job that is carried out. */
interface Work extends PruneJob {
  readonly task: PipelineTask | undefined;
  readonly threads: number | undefined;
  readonly meterOf: (plan: Plan) => ProgressMeter;
}

/**
 * Prunes a model into a directory, which appears whole or not at all. Where it holds the same result
 * already, undamaged, nothing is done.
 *
 * @param model Hub id or directory
 * @throws PruneError `storage` where `out` holds something else and `force` is not set, cannot be
 *   written, or is in the way of the source; otherwise as the phases say; the signal's reason when aborted
 */
export async function pruneModel<T extends PipelineTask = never>(
  model: string,
  options: PruneModelOptions<T>,
): Promise<PruneResult> {
  refuseUnknownKeys(options, ["task", "prune", "out", "force", "threads"], "pruneModel()");
  const { task, prune, out: folder, force = false, threads, signal, onProgress, ...hostOptions } = options;
  refuseNoDirectory(folder);
  const out = resolve(folder);
  const job = await openJob(model, prune, hostOptions, signal);
  const meters = new Map<string, ProgressMeter>();
  const meterOf = (plan: Plan): ProgressMeter => {
    const meter = meters.get(plan.name) ?? ProgressMeter.of(plan, onProgress);
    meters.set(plan.name, meter);
    return meter;
  };
  try {
    refuseIdleTask(task, job);
    await refuseSource(out, job.folder);
    const reports = await writeTo(out, { ...job, task, threads, meterOf }, force, signal);
    for (const report of reports) job.plans.find(({ name }) => name === report.file)?.options.onReport?.(report);
    return { out, reports };
  } finally {
    await closeJob(job);
  }
}

/** A task says what `run()` is given, so without one it would be dropped without a word. */
function refuseIdleTask(task: PipelineTask | undefined, { plans }: PruneJob): void {
  if (task === undefined || plans.some(({ options }) => givenRun(options) !== null)) return;
  throw badOption(dottedLabel("task"), "calibration.run, which is given its pipeline; without, leave task out", task);
}

/** The reports of the directory, which is made unless it holds the same result. */
async function writeTo(
  out: string,
  job: Work,
  force: boolean,
  signal: AbortSignal | undefined,
): Promise<readonly PruneReport[]> {
  const { found, plans, dense, meterOf } = job;
  const sideFiles = await readSideFiles(job.folder);
  const memory = hashMemory(cacheRootOf(found.options.cache_dir));
  const key = await exportKey(job, hashesOf(sideFiles), sourceHasher(memory), signal);
  return withLock(join(dirname(out), `.${basename(out)}.lock`), signal, async () => {
    const existing = key === null ? null : await readEntry(out, key.key, memory);
    if (existing !== null) {
      for (const plan of plans) meterOf(plan).finish("cache");
      const planOf = ({ file }: PruneReport) => plans.find(({ name }) => name === file);
      return existing.reports.map((report) => reportFromCache(report, planOf(report)));
    }
    await refuseOccupied(out, force);
    const root = cacheRootOf(found.options.cache_dir);
    // Two directories may be made of one model at a time, and each is under a lock of its own.
    const place = key === null ? null : await digest(JSON.stringify([out, key.key]));
    const unfinished =
      place === null || root === null ? null : unfinishedInFolder(join(root, `${place.slice(0, 32)}${UNFINISHED}`));
    const masked = await maskAll(job, unfinished);
    const files = masked.map((one) => ({ ...one, meter: meterOf(one.plan) }));
    const addFiles = async (draft: EntryDraft) => {
      await addDenseFiles(dense, draft, signal);
      await addSideFiles(sideFiles, draft);
    };
    const reports = await writeEntry({
      draft: await FolderDraft.create(out, memory),
      subfolder: "onnx",
      // Calibration without content: the directory is never taken for the result of another run.
      key: key ?? UNKEYED,
      files,
      addFiles,
      runBy: hostVersions(),
    });
    await unfinished?.remove();
    return reports;
  });
}

/** Masks every plan by the calibration it asks for; in the order of the plans. */
async function maskAll(
  { found, task, plans, optionsOf, library, threads, meterOf }: Work,
  unfinished: Unfinished | null,
): Promise<MaskedPlan[]> {
  const tokenizer = () => loadTokenizer(found.id, null, found.options);
  const services = {
    runtime: hostRuntime(),
    tokenizer,
  };
  const fileOf = (plan: Plan) => found.files.find(({ name }) => name === plan.name) as ResolvedFile;
  const open = new OpenPlans(library);
  for (const plan of plans) open.add(fileOf(plan), plan);
  const unfinishedOf = (plan: Plan) => unfinished && partsOf(unfinished, plan.name);
  const context = {
    ...{ model: found.id, optionsOf, plans: open, tokenizer, threads, unfinishedOf },
    reload: reloadResolved(found, task),
  };
  const masked = new Map<Plan, MaskedPlan>();
  try {
    for (const plan of plans) {
      if (masked.has(plan)) continue;
      const run = runOf(plan, tokenizer);
      const { sessionOptions } = fileOf(plan);
      const done =
        run === null
          ? await maskBySamples(
              [plan],
              {
                ...services,
                sessionOptions,
                openDevice: () => openDeviceFor(sessionOptions, threads),
                ...(unfinished && { unfinished: partsOf(unfinished, plan.name) }),
              },
              meterOf,
            )
          : await maskByRun(context, run, meterOf);
      for (const one of done) masked.set(one.plan, one);
    }
    return plans.map((plan) => masked.get(plan) as MaskedPlan);
  } finally {
    // Running the model also opened files in which there is nothing to prune.
    await open.close(plans);
  }
}

/** The parts of one of several files that are worked on together. */
const partsOf = (unfinished: Unfinished, file: string): Unfinished => ({
  ...unfinished,
  read: (part) => unfinished.read(`${file}-${part}`),
  write: (part, header, blobs) => unfinished.write(`${file}-${part}`, header, blobs),
});
