/**
 * Opens one planned file pruned: from the cache, where it is made first if need be, or in memory.
 */
import { join, resolve } from "node:path";
import {
  type MaskedPlan,
  maskEdits,
  type Plan,
  type PlanKey,
  type ProgressMeter,
  planKey,
  reportFromCache,
  reportOf,
  writeEntry,
} from "../prune/index.js";
import type { PruneReport } from "../report.js";
import { editedModel, type RuntimeSession, type SessionOptions } from "../runtime/index.js";
import { hashMemory, readEntry, withLock } from "../store/index.js";
import { hostVersions } from "./host.js";
import type { Create } from "./intercept.js";
import { openUnpacked } from "./open-unpacked.js";
import { withSiblings } from "./siblings.js";
import { inTurn } from "./turns.js";
import { withTokenizer } from "./with-tokenizer.js";

/** A file to open, and what it takes. */
export interface OpenJob {
  readonly plan: Plan;
  /** Options of the session, as the host gave them. */
  readonly options: SessionOptions;
  /** Opens the session that the host gets. */
  readonly create: Create;
  /** Calibrates and masks. */
  readonly mask: () => Promise<MaskedPlan>;
  /** Whether calibration runs the model's other sessions too. */
  readonly needsSiblings: boolean;
  /** Loads the model's tokenizer. */
  readonly tokenizer: () => Promise<unknown>;
  readonly meter: ProgressMeter;
  /** Stops waiting and working. */
  readonly signal: AbortSignal;
  /** Folder of the cache beside the host's own; null where the host keeps nothing on disk. */
  readonly hostCacheRoot: string | null;
}

/**
 * Opens the session and hands the report to `onReport`.
 *
 * @throws PruneError from calibration, masking and storing; the signal's reason when aborted
 */
export async function openPruned(job: OpenJob): Promise<RuntimeSession> {
  const { plan, options, create, meter } = job;
  const place = await placeOf(job);
  if (typeof place === "string") {
    const notes = [...(place === "" ? [] : [place]), ...(plan.options.encoding === "packed" ? [NOT_PACKED] : [])];
    const { bytes, sessionOptions, report } = await inTurn(() => pruneInMemory(job, notes), job.signal);
    plan.options.onReport?.(report);
    return finish(await create(bytes, sessionOptions), meter, "load");
  }
  const report = await entry(job, place);
  plan.options.onReport?.(report);
  const { externalData: _, ...rest } = options;
  const path = join(place.folder, `${plan.name}.onnx`);
  const session = await (plan.options.encoding === "packed" ? openUnpacked(path, rest, create) : create(path, rest));
  return finish(session, meter, report.fromCache ? "cache" : "load");
}

const NOT_PACKED = "not packed: the pruned model is kept in memory only, where its weights are dense";

function finish(session: RuntimeSession, meter: ProgressMeter, phase: "load" | "cache"): RuntimeSession {
  meter.finish(phase);
  return session;
}

/** What says where a file's result is kept. */
export type CacheQuestion = Pick<OpenJob, "plan" | "needsSiblings" | "hostCacheRoot" | "tokenizer">;

/** Whether a load would find the file pruned in the cache. */
export async function isCached(question: CacheQuestion): Promise<boolean> {
  const place = await placeOf(question);
  return typeof place !== "string" && (await readEntry(place.folder, place.key.key, place.memory)) !== null;
}

/** Where the result is kept, and under which key. */
interface Place {
  readonly folder: string;
  /** Folder that remembers hashes of unchanged files. */
  readonly memory: string;
  readonly key: PlanKey;
}

/** The place in the cache, or why there is none, in words; "" where none is wanted. */
async function placeOf({ plan, needsSiblings, hostCacheRoot, tokenizer }: CacheQuestion): Promise<Place | string> {
  const { cache, signal } = plan.options;
  if (cache.kind === "none") return "";
  const root = cache.kind === "folder" ? resolve(cache.path) : hostCacheRoot;
  if (root === null)
    return "not cached: transformers.js keeps nothing on disk (env.useFSCache, env.cacheDir); name a folder with cache";
  const memory = hashMemory(root);
  const own = await planKey(plan, memory, signal);
  if (own === null)
    return "not cached: nothing tells this calibration from another; name what run() or feeds use with calibration.id";
  const key = needsSiblings ? await withSiblings(own, plan, memory) : own;
  if (key === null)
    return "not cached: calibration runs the model's other sessions too, and they are not on disk; load the model from files";
  const full = await withTokenizer(key, plan, memory, tokenizer);
  return { folder: join(root, `${plan.name}-${full.key.slice(0, 32)}`), memory, key: full };
}

/** The report of the cache entry, which is made where there is none. */
async function entry({ plan, mask, meter, signal }: OpenJob, { folder, memory, key }: Place): Promise<PruneReport> {
  const cached = async (): Promise<PruneReport | null> => {
    const [report] = (await readEntry(folder, key.key, memory))?.reports ?? [];
    return report === undefined ? null : reportFromCache(report, plan);
  };
  const build = async (): Promise<PruneReport> => {
    const files = [{ ...(await mask()), meter }];
    const [report] = await writeEntry({ folder, subfolder: "", key, files, runBy: hostVersions(), memory });
    return report as PruneReport;
  };
  // While we wait, another load or another process may do the work.
  const inTheirAbsence = () => withLock(`${folder}.lock`, signal, async () => (await cached()) ?? build());
  return (await cached()) ?? inTurn(inTheirAbsence, signal);
}

/** Prunes without a file: pruned tensors go to the runtime inside the skeleton. */
async function pruneInMemory({ plan, options, mask }: OpenJob, notes: readonly string[]) {
  const { masked, calibration } = await mask();
  const start = performance.now();
  const zerosOf = new Map<Plan["targets"][number], number>();
  const tensors = maskEdits(masked.masks, (target, zeros) => zerosOf.set(target, zeros));
  const edited = await editedModel(plan.model.onnx, { tensors }, options);
  const seconds = (performance.now() - start) / 1000;
  return { ...edited, report: reportOf(plan, masked, { zerosOf, bytes: 0, seconds, calibration, notes }) };
}
