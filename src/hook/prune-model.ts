/**
 * From a model to a pruned directory in the host's own layout, which stock transformers.js loads
 * without this package: config, tokenizer and the rest, `onnx/…`, and `prune.json`.
 */
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { PruneError } from "../errors.js";
import { checkNamedFiles, type PruneOption, resolvePruneOption } from "../options/index.js";
import type { RunControl } from "../progress.js";
import {
  checkSelections,
  type MaskedPlan,
  maskBySamples,
  openPlan,
  type Plan,
  type PlanKey,
  ProgressMeter,
  planKey,
  writeEntry,
} from "../prune/index.js";
import type { PruneReport } from "../report.js";
import { readEntry, sha256, withLock } from "../store/index.js";
import { addDenseFiles, addSideFiles, refuseOccupied } from "./export-files.js";
import { hostRuntime, onnxRuntime } from "./host.js";
import { cacheRootOf, loadTokenizer } from "./location.js";
import { maskByRun } from "./mask-by-run.js";
import { type HostLoadOptions, type ResolvedModel, reloadResolved, resolveModel } from "./resolve-files.js";
import { sessionFileName } from "./session-file.js";

/** Options of {@link pruneModel}, beside the host's. */
export interface PruneModelOptions extends HostLoadOptions, RunControl {
  /** How to prune; as the `prune` option of `pipeline()`. */
  readonly prune: PruneOption;
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
  /** One report per session file that was pruned. */
  readonly reports: readonly PruneReport[];
}

/**
 * Prunes a model into a directory, which appears whole or not at all. Where it holds the same result
 * already, undamaged, nothing is done.
 *
 * @param model Hub id or directory
 * @throws PruneError `storage` where `out` holds something else and `force` is not set, or cannot be
 *   written; otherwise as the phases say; the signal's reason when aborted
 */
export async function pruneModel(model: string, options: PruneModelOptions): Promise<PruneResult> {
  const { prune, out: folder, force = false, threads, signal, onProgress, ...hostOptions } = options;
  const resolved = resolvePruneOption(prune);
  const found = await resolveModel(model, hostOptions);
  const out = resolve(folder);
  refuseSource(out, found.folder);
  checkNamedFiles(
    resolved,
    found.files.map(({ name }) => sessionFileName(name)),
  );
  const plans: Plan[] = [];
  const dense: ResolvedModel["files"][number][] = [];
  try {
    for (const file of found.files) {
      const wanted = resolved.forFile(sessionFileName(file.name));
      if (wanted === null) dense.push(file);
      else plans.push(await openPlan(file, { ...wanted, signal: signal ?? wanted.signal }));
    }
    checkSelections(plans, model);
    const key = await exportKey(plans, dense, cacheRootOf(hostOptions.cache_dir), signal);
    return await withLock(join(dirname(out), `.${basename(out)}.lock`), signal, async () => {
      const existing = key === null ? null : await readEntry(out, key.key);
      const fresh = existing === null;
      if (fresh && !force) await refuseOccupied(out);
      const reports = existing?.reports.map((report) => ({ ...report, fromCache: true })) ?? (await build());
      for (const report of reports) plans.find(({ name }) => name === report.file)?.options.onReport?.(report);
      return { out, reports };
    });

    async function build(): Promise<readonly PruneReport[]> {
      const meters = new Map(plans.map((plan) => [plan.name, meterOf(plan, onProgress)]));
      const meter = (plan: Plan) => meters.get(plan.name) as ProgressMeter;
      const masked = await maskAll(found, plans, { model, options: resolved }, threads, meter);
      try {
        const files = masked.map((one) => ({ ...one, meter: meter(one.plan) }));
        return await writeEntry(out, "onnx", key ?? UNKEYED, files, async (draft) => {
          await addDenseFiles(dense, draft, signal);
          await addSideFiles(found.folder, draft);
        });
      } finally {
        await Promise.all(masked.map(({ plan }) => plan.model.onnx.close()));
      }
    }
  } finally {
    await Promise.all(plans.map((plan) => plan.model.onnx.close()));
  }
}

/** Masks every plan by the calibration it asks for. */
async function maskAll(
  found: ResolvedModel,
  plans: readonly Plan[],
  context: Pick<Parameters<typeof maskByRun>[0], "model" | "options">,
  threads: number | undefined,
  meterOf: (plan: Plan) => ProgressMeter,
): Promise<MaskedPlan[]> {
  const byRun = plans.filter((plan) => plan.calibrated && plan.options.calibration.source.kind === "run");
  const bySamples = plans.filter((plan) => !byRun.includes(plan));
  const { InferenceSession } = onnxRuntime();
  const services = {
    runtime: hostRuntime((model, options) => InferenceSession.create(model, options)),
    sessionOptions: found.files[0]?.sessionOptions ?? {},
    tokenizer: () => loadTokenizer(found.id, null, found.options),
    threads,
  };
  const ran =
    byRun.length === 0 ? [] : [...(await maskByRun({ ...context, reload: reloadResolved(found) }, meterOf)).values()];
  return [...(await maskBySamples(bySamples, services, meterOf)), ...ran];
}

const meterOf = (plan: Plan, onProgress: RunControl["onProgress"]): ProgressMeter =>
  new ProgressMeter(onProgress, plan.name, plan.calibrated, plan.calibrated ? plan.options.passes : 1);

/** Key of the whole directory; null where one of its parts has none. */
async function exportKey(
  plans: readonly Plan[],
  dense: readonly { readonly name: string }[],
  cacheRoot: string | null,
  signal: AbortSignal | undefined,
): Promise<PlanKey | null> {
  const keys: PlanKey[] = [];
  for (const plan of plans) {
    const key = await planKey(plan, cacheRoot === null ? null : join(cacheRoot, "sources"), signal);
    if (key === null) return null;
    keys.push(key);
  }
  return {
    key: sha256(JSON.stringify([keys.map(({ key }) => key), dense.map(({ name }) => name)])),
    source: Object.assign({}, ...keys.map(({ source }) => source)) as Record<string, string>,
    options: Object.fromEntries(plans.map((plan, i) => [plan.name, keys[i]?.options])),
  };
}

/** Calibration without content: the directory is never taken for the result of another run. */
const UNKEYED = { key: "", source: {}, options: {} };

function refuseSource(out: string, source: string): void {
  const path = relative(out, resolve(source));
  if (path === "" || !(path.startsWith("..") || path.startsWith(sep)))
    throw new PruneError("storage", `${out} holds the source model, which stays untouched; name another directory`, {
      details: { out },
    });
}
