/**
 * One planned file, pruned: found in a store, where it is made first if need be, or in memory; and opened.
 */
import { PruneError } from "../errors.js";
import {
  extendKey,
  type MaskedPlan,
  type Plan,
  type PlanKey,
  type ProgressMeter,
  planKey,
  prunedEdits,
  reportFromCache,
  reportOf,
  UNKEYED,
  writeEntry,
} from "../prune/index.js";
import type { PruneReport } from "../report.js";
import { editedModel, type RuntimeSession, type SessionOptions } from "../runtime/index.js";
import { type KeptFile, memoryStore, type ResultStore, type Unfinished, unfinishedInMemory } from "../store/index.js";
import { hostVersions } from "./host.js";
import type { Create } from "./intercept.js";
import { keyParts } from "./key-parts.node.js";
import type { KeyQuestion } from "./key-question.js";
import { openUnpacked } from "./open-unpacked.js";
import { inTurn } from "./turns.js";

/** A file to prune, and what it takes. */
export interface PruneFileJob extends KeyQuestion {
  /** Calibrates, masks and updates; finished parts are put aside. */
  readonly mask: (unfinished: Unfinished) => Promise<MaskedPlan>;
  readonly meter: ProgressMeter;
  /** Stops waiting and working. */
  readonly signal: AbortSignal;
  /** Where results are kept, or why they are not, in words; "" where that was asked for. */
  readonly store: ResultStore | string;
}

/** A file to open, and what it takes. */
export interface OpenJob extends PruneFileJob {
  /** Options of the session, as the host gave them. */
  readonly options: SessionOptions;
  /** Opens the session that the host gets. */
  readonly create: Create;
}

/** A pruned file and what was done. */
export interface Kept {
  readonly report: PruneReport;
  readonly file: KeptFile;
}

/**
 * Opens the session and hands the report to `onReport`.
 *
 * @throws PruneError from calibration, masking and storing; the signal's reason when aborted
 */
export async function openPruned(job: OpenJob): Promise<RuntimeSession> {
  const { plan, options, create, meter } = job;
  const found = await keptOf(job);
  if ("masked" in found) {
    const { bytes, sessionOptions, report } = await inTurn(() => pruneInMemory(job, found), job.signal);
    plan.options.onReport?.(report);
    return finish(await create(bytes, sessionOptions), meter, "load");
  }
  const { report, file } = found;
  plan.options.onReport?.(report);
  const { externalData: _, ...rest } = options;
  const all = { ...rest, ...(file.externalData && { externalData: file.externalData }) };
  const session = await (plan.options.encoding === "packed"
    ? openUnpacked(file.input, all, create)
    : create(file.input, all));
  return finish(session, meter, report.fromCache ? "cache" : "load");
}

/**
 * Prunes a file and keeps it: in the store, or in memory where there is none or it is full. The report goes to `onReport`.
 *
 * @throws PruneError from calibration, masking and storing; the signal's reason when aborted
 */
export async function keepPruned(job: PruneFileJob): Promise<Kept> {
  const { plan, meter } = job;
  const found = await keptOf(job);
  const inMemory = async ({ masked, note }: NotKept) => {
    const unnamed = { store: memoryStore(), entry: plan.name, key: UNKEYED };
    return build(
      { ...job, mask: async () => masked ?? job.mask(unfinishedInMemory()) },
      unnamed,
      note === "" ? [] : [note],
    );
  };
  const kept = "masked" in found ? await inTurn(() => inMemory(found), job.signal) : found;
  plan.options.onReport?.(kept.report);
  meter.finish(kept.report.fromCache ? "cache" : "write");
  return kept;
}

const NOT_PACKED = "not packed: the pruned model is kept in memory only, where its weights are dense";

function finish(session: RuntimeSession, meter: ProgressMeter, phase: "load" | "cache"): RuntimeSession {
  meter.finish(phase);
  return session;
}

/** Whether a load would find the file pruned in the store. */
export async function isKept(question: KeyQuestion & Pick<PruneFileJob, "store">): Promise<boolean> {
  const place = await placeOf(question);
  return typeof place !== "string" && (await place.store.read(place.entry, place.key.key)) !== null;
}

/** Where the result is kept, and under which key. */
interface Place {
  readonly store: ResultStore;
  readonly entry: string;
  readonly key: PlanKey;
}

/** A file that is not kept: why, in words, and its masks where they were found before that was known. */
interface NotKept {
  readonly masked: MaskedPlan | null;
  readonly note: string;
}

/** The place in the store, or why there is none, in words; "" where none is wanted. */
async function placeOf(question: KeyQuestion & Pick<PruneFileJob, "store">): Promise<Place | string> {
  const { plan, store } = question;
  if (typeof store === "string") return store;
  const own = await planKey(plan, store.hash, plan.options.signal);
  if (own === null)
    return "not cached: nothing tells this calibration from another; name what run() or feeds use with calibration.id";
  const parts = await keyParts(question, store.hash);
  if (typeof parts === "string") return parts;
  const key = Object.keys(parts).length === 0 ? own : await extendKey(own, parts);
  return { store, entry: `${plan.name}-${key.key.slice(0, 32)}`, key };
}

/** The file where results are kept, made if need be; or why it is kept nowhere. */
async function keptOf(job: PruneFileJob): Promise<Kept | NotKept> {
  const place = await placeOf(job);
  return typeof place === "string" ? { masked: null, note: place } : keptIn(job, place);
}

/** The file in the store, which is made where it is not there; or its masks, where there is no room for it. */
async function keptIn(job: PruneFileJob, place: Place): Promise<Kept | NotKept> {
  const { plan, signal } = job;
  const { store, entry, key } = place;
  const found = async (): Promise<Kept | null> => {
    const [report] = (await store.read(entry, key.key))?.reports ?? [];
    return report === undefined
      ? null
      : { report: reportFromCache(report, plan), file: await store.open(entry, `${plan.name}.onnx`) };
  };
  const make = async (): Promise<Kept | NotKept> => {
    const unfinished = store.unfinished(entry);
    const masked = await job.mask(unfinished);
    try {
      const kept = await build({ ...job, mask: async () => masked }, place, []);
      await unfinished.remove();
      return kept;
    } catch (error) {
      if (!(error instanceof PruneError) || error.details.full !== true) throw error;
      return { masked, note: `not cached: ${error.message}` };
    }
  };
  // While we wait, another load, page or process may do the work.
  const inTheirAbsence = () => store.exclusively(entry, signal, async () => (await found()) ?? make());
  return (await found()) ?? inTurn(inTheirAbsence, signal);
}

/** Masks, writes the entry and opens its file. */
async function build({ plan, mask, meter }: PruneFileJob, place: Place, notes: readonly string[]): Promise<Kept> {
  const { store, entry, key } = place;
  const masked = await mask(store.unfinished(entry));
  const files = [{ ...masked, meter, notes: [...masked.notes, ...notes] }];
  const [report] = await writeEntry({
    draft: await store.draft(entry),
    subfolder: "",
    key,
    files,
    runBy: hostVersions(),
  });
  return { report: report as PruneReport, file: await store.open(entry, `${plan.name}.onnx`) };
}

/** Prunes without a file: pruned tensors go to the runtime inside the skeleton. */
async function pruneInMemory({ plan, options, mask }: OpenJob, { masked: done, note }: NotKept) {
  const { masked, calibration, device, notes: own } = done ?? (await mask(unfinishedInMemory()));
  const start = performance.now();
  const zerosOf = new Map<Plan["targets"][number], number>();
  const edits = prunedEdits(masked, (target, zeros) => zerosOf.set(target, zeros));
  const edited = await editedModel(plan.model.onnx, edits, options);
  const seconds = (performance.now() - start) / 1000;
  const notes = [...own, ...(note === "" ? [] : [note]), ...(plan.options.encoding === "packed" ? [NOT_PACKED] : [])];
  return { ...edited, report: reportOf(plan, masked, { zerosOf, bytes: 0, seconds, calibration, device, notes }) };
}
