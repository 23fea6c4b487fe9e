/**
 * A dry run: what pruning a model would do, where the result is already, and about how much memory and time it would
 * take. The model is read and planned as for the real thing, and never run.
 */
import { readdir } from "node:fs/promises";
import { totalmem } from "node:os";
import { resolve } from "node:path";
import { longestRun, type TokenCalibration, tokenSamples } from "../calibrate/index.js";
import type { MaskDevice } from "../compute/index.js";
import {
  type CalibrationLoad,
  cannotVerify,
  estimateMemory,
  estimateSeconds,
  type Phases,
  type Plan,
  planned,
  sessionBytes,
} from "../prune/index.js";
import { measureSpeeds, type Speeds } from "../prune/measure-speeds.js";
import type { PlannedFile } from "../report.js";
import { withoutOutputLocations } from "../runtime/index.js";
import { hashMemory, RECORD_NAME, readEntry, sourceHasher } from "../store/folders.js";
import { hashesOf, readSideFiles, refuseSource } from "./export-files.js";
import { hostRuntime } from "./host.js";
import { refuseUnknownKeys } from "./known-keys.js";
import { loadTokenizer } from "./location.node.js";
import { openDeviceFor } from "./mask-device.js";
import { cacheRootOf } from "./model-folders.js";
import { runOf } from "./model-run.js";
import { isKept } from "./open-pruned.js";
import { closeJob, exportKey, openJob, type PruneJob, refuseNoDirectory } from "./prune-job.js";
import type { PruneModelOptions } from "./prune-model.js";
import type { ResolvedFile } from "./resolve-files.js";
import { resultStore } from "./result-store.node.js";
import type { HostTokenizer } from "./tokenizer.js";

/** Options of {@link estimatePrune}: those of `pruneModel()`; without `out` it is about loading with `prune`. */
export type EstimateOptions = Omit<PruneModelOptions, "out" | "onProgress"> & Partial<Pick<PruneModelOptions, "out">>;

/** What pruning one session file would do and take. */
export interface FileEstimate extends PlannedFile {
  /** Whether loading with `prune` would find it in the cache; null where it is about a directory. */
  readonly cached: boolean | null;
  /** Bytes of memory of the whole process at the highest point of each phase; 0 for a phase that is not needed. */
  readonly memory: Phases<number>;
  /** Seconds of each phase; null where nobody can say. */
  readonly seconds: Phases<number | null>;
  /** What the seconds are made of: how fast this machine was a moment ago. */
  readonly speeds: Speeds;
}

/** What a dry run says. Estimates are of a prune from the start, also where the result is there. */
export interface PruneEstimate {
  readonly model: string;
  /** The directory to write, and what it holds now; null without one. */
  readonly out: { readonly path: string; readonly holds: "nothing" | "this result" | "something else" } | null;
  /** One per session file that would be pruned. */
  readonly files: readonly FileEstimate[];
  /** Names of session files that would stay dense. */
  readonly dense: readonly string[];
  /** Bytes of memory of the whole process at its highest point. */
  readonly memory: number;
  /** Seconds in all; null where one of its parts is not known. */
  readonly seconds: number | null;
  /** What the estimates do not know, in sentences. */
  readonly notes: readonly string[];
}

/**
 * Plans a prune and estimates what it takes; nothing is written but remembered hashes of the source.
 *
 * @param model Hub id or directory; a model on the Hub is downloaded
 * @throws PruneError as `pruneModel` does before it calibrates; the signal's reason when aborted
 */
export async function estimatePrune(model: string, options: EstimateOptions): Promise<PruneEstimate> {
  refuseUnknownKeys(options, ["task", "prune", "out", "force", "threads"], "estimatePrune()");
  const { task: _task, prune, out, force: _force, threads, signal, ...hostOptions } = options;
  if (out !== undefined) refuseNoDirectory(out);
  const job = await openJob(model, prune, hostOptions, signal);
  try {
    const tokenizer = () => loadTokenizer(job.found.id, null, job.found.options);
    const notes: string[] = [];
    const files: FileEstimate[] = [];
    for (const plan of job.plans) files.push(await estimateFile(plan, job, { threads, tokenizer, out, notes }));
    if (out === undefined)
      notes.push("loading the pruned model is not counted: it takes what loading the dense model takes");
    if (job.plans.length > 1 || job.dense.length > 0)
      notes.push("of several session files each is estimated alone; files that stay dense are copied besides");
    const seconds = files.flatMap((file) => Object.values(file.seconds));
    const memory = Math.max(...files.flatMap((file) => Object.values(file.memory)));
    if (memory > totalmem())
      notes.push(`this machine has ${gigabytes(totalmem())} of memory, less than the ${gigabytes(memory)} estimated`);
    return {
      model,
      out: out === undefined ? null : await lookInto(resolve(out), job, signal),
      files,
      dense: job.dense.map(({ name }) => name),
      memory,
      seconds: seconds.includes(null) ? null : seconds.reduce((sum: number, one) => sum + (one ?? 0), 0),
      notes: [...new Set(notes)],
    };
  } finally {
    await closeJob(job);
  }
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

/** What estimates of all files share. */
interface Estimating {
  readonly threads: number | undefined;
  readonly tokenizer: () => Promise<HostTokenizer>;
  readonly out: string | undefined;
  /** Sentences are added here. */
  readonly notes: string[];
}

async function estimateFile(plan: Plan, job: PruneJob, estimating: Estimating): Promise<FileEstimate> {
  const { tokenizer, out, notes } = estimating;
  const { found } = job;
  const runtime = hostRuntime();
  const file = found.files.find(({ name }) => name === plan.name) as ResolvedFile;
  const sessionOptions = withoutOutputLocations(file.sessionOptions);
  const isRun = runOf(plan, tokenizer) !== null;
  if (isRun && plan.options.verify) throw cannotVerify(plan.name);
  const { load, calibration } = await calibrationLoad(plan, job, tokenizer);
  if (load.tokens === null)
    notes.push(
      `how long ${plan.name} is calibrated is not known: ${isRun ? "the whole model is run for it" : "nobody says how many feeds there are"}`,
    );
  const { speeds, concurrency } = await onDeviceOf(file, estimating, async (device) => ({
    speeds: await measureSpeeds(plan, { device, runtime, sessionOptions }),
    concurrency: device.concurrency,
  }));
  const store = await resultStore(plan.options.cache, found.options.cache_dir);
  const question = { plan, needsSiblings: isRun, files: found.files, tokenizer, sideFile: async () => null, store };
  return {
    ...planned(plan, calibration),
    cached: out === undefined ? await isKept(question) : null,
    memory: estimateMemory(plan, load, concurrency),
    seconds: estimateSeconds(plan, load, speeds),
    speeds,
  };
}

/** Lends the device that would mask a file; what it refused goes into the notes. */
async function onDeviceOf<T>(
  { sessionOptions }: ResolvedFile,
  { threads, notes }: Estimating,
  work: (device: MaskDevice) => Promise<T>,
): Promise<T> {
  const device = await openDeviceFor(sessionOptions, threads);
  try {
    const done = await work(device);
    notes.push(...device.refusals());
    return done;
  } finally {
    await device.close();
  }
}

/** Tokens of a run that nobody has seen yet: what calibration by text takes at a time. */
const LIKELY_RUN = 512;

/** What a file is calibrated on, as far as that is known before. */
async function calibrationLoad(
  plan: Plan,
  { plans }: PruneJob,
  tokenizer: () => Promise<HostTokenizer>,
): Promise<{ readonly load: CalibrationLoad; readonly calibration: string }> {
  const { calibration, verify } = plan.options;
  const nothing = { tokens: 0, longestRun: 0, seconds: 0, otherSessions: 0, isRun: false };
  if (!plan.calibrated && !verify) return { load: nothing, calibration: "none" };
  if (runOf(plan, tokenizer) !== null) {
    const others = plans.filter((other) => other !== plan);
    const otherSessions = others.reduce((sum, other) => sum + sessionBytes(other, LIKELY_RUN), 0);
    return {
      load: { ...nothing, tokens: null, longestRun: LIKELY_RUN, otherSessions, isRun: true },
      calibration: "runs of the whole model",
    };
  }
  if (!isOfTokens(calibration))
    return { load: { ...nothing, tokens: null, longestRun: LIKELY_RUN }, calibration: "the given feeds" };
  const start = performance.now();
  const { ids, description } = await tokenSamples(calibration, tokenizer);
  const seconds = (performance.now() - start) / 1000;
  const tokens = ids.reduce((sum, { length }) => sum + length, 0);
  return { load: { ...nothing, tokens, longestRun: longestRun(ids), seconds }, calibration: description };
}

const isOfTokens = (calibration: Plan["options"]["calibration"]): calibration is TokenCalibration =>
  calibration.source.kind !== "feeds" && calibration.source.kind !== "run";

/** What the directory holds. It is hashed only where it has a record. */
async function lookInto(
  path: string,
  job: PruneJob,
  signal: PruneModelOptions["signal"],
): Promise<NonNullable<PruneEstimate["out"]>> {
  await refuseSource(path, job.folder);
  // What cannot be listed is not empty either; writing it will say why.
  const names: readonly string[] | null = await readdir(path).catch((error: NodeJS.ErrnoException) =>
    error.code === "ENOENT" ? [] : null,
  );
  if (names?.length === 0) return { path, holds: "nothing" };
  if (!names?.includes(RECORD_NAME)) return { path, holds: "something else" };
  const memory = hashMemory(cacheRootOf(job.found.options.cache_dir));
  const sideFiles = hashesOf(await readSideFiles(job.folder));
  const key = await exportKey(job, sideFiles, sourceHasher(memory), signal);
  const isThis = key !== null && (await readEntry(path, key.key, memory)) !== null;
  return { path, holds: isThis ? "this result" : "something else" };
}
