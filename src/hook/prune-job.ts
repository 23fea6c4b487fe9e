/**
 * The work on one model that goes into a directory: its session files, planned or left dense, and the key of what
 * will come of them. What prunes it and what only estimates that begin alike.
 */
import { badOption, checkNamedFiles, dottedLabel, type ResolvedPrune, resolvePruneOption } from "../options/index.js";
import type { RunControl } from "../progress.js";
import {
  checkSelections,
  openModelFile,
  openPlan,
  type Plan,
  type PlanKey,
  planKey,
  type Selection,
  sourceHashes,
} from "../prune/index.js";
import type { CoefficientLibrary } from "../registry/index.js";
import { digest, type HashSource } from "../store/index.js";
import { coefficientLibrary } from "./coefficient-library.node.js";
import {
  folderOnDisk,
  type HostLoadOptions,
  type ResolvedFile,
  type ResolvedModel,
  resolveModel,
} from "./resolve-files.js";
import { sessionFileName } from "./session-file.js";

/** The work on one model. */
export interface PruneJob {
  readonly found: ResolvedModel;
  /** Folder with config, tokenizer and the rest. */
  readonly folder: string;
  /** Files with something to prune; their models are open. */
  readonly plans: readonly Plan[];
  /** Files in which nothing is pruned. */
  readonly dense: readonly ResolvedFile[];
  /** Options of a session file, null where it stays dense. */
  readonly optionsOf: (sessionFile: string) => ResolvedPrune | null;
  readonly library: CoefficientLibrary;
}

/**
 * Finds the files of a model and plans them. Close the job when done.
 *
 * @param prune as the user gave it
 * @throws PruneError for options that are wrong or do not fit the model, and files that cannot be found or read
 */
export async function openJob(
  model: string,
  prune: unknown,
  options: HostLoadOptions,
  signal: RunControl["signal"],
): Promise<PruneJob> {
  const resolved = resolvePruneOption(prune);
  const found = await resolveModel(model, options);
  const folder = folderOnDisk(found);
  checkNamedFiles(
    resolved,
    found.files.map(({ name }) => sessionFileName(name)),
  );
  const optionsOf = (sessionFile: string): ResolvedPrune | null => {
    const wanted = resolved.forFile(sessionFile);
    const signals = [signal, wanted?.signal].filter((one) => one !== undefined);
    return wanted && { ...wanted, signal: AbortSignal.any(signals) };
  };
  const plans: Plan[] = [];
  const dense: ResolvedFile[] = [];
  const selections: Selection[] = [];
  const library = coefficientLibrary(found.id, found.options);
  const job: PruneJob = { found, folder, plans, dense, optionsOf, library };
  try {
    for (const file of found.files) {
      const wanted = optionsOf(sessionFileName(file.name));
      const plan = wanted && (await openPlan(file, wanted, library));
      if (plan) selections.push(plan);
      if (plan && plan.targets.length > 0) plans.push(plan);
      else dense.push(file);
      if (plan?.targets.length === 0) await plan.model.onnx.close();
    }
    checkSelections(selections, model);
    return job;
  } catch (error) {
    await closeJob(job);
    throw error;
  }
}

/** @throws PruneError `bad-option` where `out` is no path of a directory */
export function refuseNoDirectory(out: unknown): void {
  if (typeof out !== "string" || out === "") throw badOption(dottedLabel("out"), "the path of a directory", out);
}

/** Closes the files of a job. */
export async function closeJob({ plans }: PruneJob): Promise<void> {
  await Promise.all(plans.map((plan) => plan.model.onnx.close()));
}

/**
 * Key of the whole directory; null where one of its parts has none.
 *
 * @param sideFiles hashes of config, tokenizer and the rest, by name
 * @param hash of the source's files
 */
export async function exportKey(
  { plans, dense }: PruneJob,
  sideFiles: Readonly<Record<string, string>>,
  hash: HashSource,
  signal: RunControl["signal"],
): Promise<PlanKey | null> {
  const keys: PlanKey[] = [];
  for (const plan of plans) {
    const key = await planKey(plan, hash, signal);
    if (key === null) return null;
    keys.push(key);
  }
  // Without a prototype, because a model may name a data file `__proto__`.
  const denseHashes: Record<string, string> = Object.create(null);
  for (const file of dense) {
    const onnx = await openModelFile(file);
    Object.assign(denseHashes, await sourceHashes(onnx, hash, signal).finally(() => onnx.close()));
  }
  return {
    key: await digest(JSON.stringify([keys.map(({ key }) => key), denseHashes, sideFiles])),
    source: Object.assign({}, ...keys.map(({ source }) => source), denseHashes, sideFiles) as Record<string, string>,
    options: Object.fromEntries(plans.map((plan, i) => [plan.name, keys[i]?.options])),
    seconds: keys.reduce((sum, { seconds }) => sum + seconds, 0),
  };
}
