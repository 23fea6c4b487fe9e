/**
 * One model being loaded with `prune`: every session that the host opens for it comes by here, is
 * pruned or found in the cache, and is opened by the runtime as a normal session. Sessions wait for
 * each other, so that two files never need their memory at the same time.
 */
import { join } from "node:path";
import type { Tokenizer } from "../calibrate/index.js";
import { PruneError } from "../errors.js";
import { checkNamedFiles, type ResolvedPruneOption } from "../options/index.js";
import type { RunControl } from "../progress.js";
import {
  checkSelections,
  type Masked,
  type ModelFile,
  maskBySamples,
  maskEdits,
  openPlan,
  type Plan,
  type PlanKey,
  ProgressMeter,
  planKey,
  reportOf,
  type Selection,
  writeEntry,
} from "../prune/index.js";
import type { PruneReport } from "../report.js";
import { countZeros } from "../rewrite/index.js";
import { editedModel, type RuntimeSession, type SessionOptions } from "../runtime/index.js";
import { readEntry, withLock } from "../store/index.js";
import { hostRuntime } from "./host.js";
import type { Create, SessionRequest } from "./intercept.js";
import { maskByRun, type Reload } from "./mask-by-run.js";
import { modelFileOf, sessionFileName } from "./session-file.js";

/** What a model's prune needs of the place it was asked from. */
export interface ModelPruneContext {
  /** The model as the user named it, for messages. */
  readonly model: string;
  readonly options: ResolvedPruneOption;
  /** Folder of the cache; null where nothing is to be kept. */
  readonly cacheRoot: string | null;
  /** Tokenizer of the model whose file lies at `path` (null: given as bytes). */
  readonly tokenizer: (path: string | null) => Promise<Tokenizer>;
  /** Loads the model once more, for calibration by `run`; null where nobody knows how. */
  readonly reload: Reload | null;
  readonly onProgress?: RunControl["onProgress"];
}

/** A file with its masks, ready to be written. */
interface MaskedPlan {
  readonly plan: Plan;
  readonly masked: Masked;
  /** What the statistics were collected on, in words. */
  readonly calibration: string;
}

/** All work of all models, one after the other. */
let queue: Promise<unknown> = Promise.resolve();

function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const mine = queue.then(work);
  queue = mine.catch(() => undefined);
  return mine;
}

export class ModelPrune implements SessionRequest {
  private readonly files: string[] = [];
  private readonly selections: Selection[] = [];
  private readonly opened: RuntimeSession[] = [];
  private readonly meters = new Map<string, ProgressMeter>();
  private byRun: Promise<ReadonlyMap<string, MaskedPlan>> | undefined;

  constructor(private readonly context: ModelPruneContext) {}

  async open(model: unknown, options: SessionOptions, create: Create): Promise<RuntimeSession> {
    const file = modelFileOf(model, options);
    this.files.push(sessionFileName(file.name));
    const session = await inTurn(() => this.openInTurn(file, options, create));
    this.opened.push(session);
    return session;
  }

  /**
   * To be called once the host has loaded the model.
   *
   * @throws PruneError where the options name files or weights that the model does not have, where
   *   nothing could be pruned, or where the host opened no session by way of the hook
   */
  check(): void {
    const { model, options } = this.context;
    if (this.files.length === 0)
      throw new PruneError(
        "not-found",
        `${model}: @huggingface/transformers opened no session through the hook, so its copy is not the one beside ` +
          "transformers-prune; install both in one place",
      );
    checkNamedFiles(options, this.files);
    if (this.selections.length > 0) checkSelections(this.selections, model);
  }

  /** Releases the sessions that are open; for when loading fails half-way. */
  async release(): Promise<void> {
    await Promise.all(this.opened.splice(0).map((session) => session.release().catch(() => undefined)));
  }

  private async openInTurn(file: ModelFile, options: SessionOptions, create: Create): Promise<RuntimeSession> {
    const wanted = this.context.options.forFile(sessionFileName(file.name));
    if (wanted === null) return create(file.input, options);
    wanted.signal?.throwIfAborted();
    const plan = await openPlan(file, wanted);
    try {
      this.selections.push(plan);
      return plan.targets.length === 0
        ? await create(file.input, options)
        : await this.openPruned(plan, options, create);
    } finally {
      await plan.model.onnx.close();
    }
  }

  private async openPruned(plan: Plan, options: SessionOptions, create: Create): Promise<RuntimeSession> {
    const { cache, signal } = plan.options;
    const root = cache.kind === "folder" ? cache.path : cache.kind === "host" ? this.context.cacheRoot : null;
    const key = root === null ? null : await planKey(plan, join(root, "sources"), signal);
    if (root === null) return this.openInMemory(plan, options, create, []);
    if (key === null) return this.openInMemory(plan, options, create, [NOT_CACHED]);
    const folder = join(root, `${plan.name}-${key.key.slice(0, 32)}`);
    const report = await this.entry(plan, key, folder, options, create);
    plan.options.onReport?.(report);
    const { externalData: _, ...rest } = options;
    return create(join(folder, `${plan.name}.onnx`), rest);
  }

  /** The report of the cache entry, which is made where there is none. */
  private async entry(
    plan: Plan,
    key: PlanKey,
    folder: string,
    options: SessionOptions,
    create: Create,
  ): Promise<PruneReport> {
    const cached = async (): Promise<PruneReport | null> => {
      const [report] = (await readEntry(folder, key.key))?.reports ?? [];
      return report === undefined ? null : { ...report, fromCache: true };
    };
    const build = async (): Promise<PruneReport> => {
      const { plan: masked, ...rest } = await this.mask(plan, options, create);
      try {
        const [report] = await writeEntry(folder, "", key, [{ plan: masked, ...rest, meter: this.meterOf(plan) }]);
        return report as PruneReport;
      } finally {
        if (masked !== plan) await masked.model.onnx.close();
      }
    };
    // Another process may do the work while we wait for the lock.
    return (await cached()) ?? withLock(`${folder}.lock`, plan.options.signal, async () => (await cached()) ?? build());
  }

  /** Prunes without a file: pruned tensors go to the runtime inside the skeleton. */
  private async openInMemory(
    plan: Plan,
    options: SessionOptions,
    create: Create,
    notes: readonly string[],
  ): Promise<RuntimeSession> {
    const { plan: masked, ...rest } = await this.mask(plan, options, create);
    try {
      const zerosOf = new Map<Plan["targets"][number], number>();
      const start = performance.now();
      const tensors = maskEdits(rest.masked.masks, (target, bytes) =>
        zerosOf.set(target, countZeros(bytes, target.dtype)),
      );
      const edited = await editedModel(masked.model.onnx, { tensors }, options);
      const seconds = (performance.now() - start) / 1000;
      plan.options.onReport?.(
        reportOf(masked, rest.masked, { zerosOf, bytes: 0, seconds, calibration: rest.calibration, notes }),
      );
      return await create(edited.bytes, edited.sessionOptions);
    } finally {
      if (masked !== plan) await masked.model.onnx.close();
    }
  }

  private async mask(plan: Plan, options: SessionOptions, create: Create): Promise<MaskedPlan> {
    if (plan.calibrated && plan.options.calibration.source.kind === "run") return this.maskedByRun(plan);
    const path = plan.model.onnx.source.path ?? null;
    const services = {
      runtime: hostRuntime(create),
      sessionOptions: options,
      tokenizer: () => this.context.tokenizer(path),
    };
    const [done] = await maskBySamples([plan], services, (other) => this.meterOf(other));
    return done as MaskedPlan;
  }

  /** All files that `run` calibrates are masked together, when the first of them is opened. */
  private async maskedByRun(plan: Plan): Promise<MaskedPlan> {
    this.byRun ??= maskByRun(this.context, (other) => this.meterOf(other));
    const done = (await this.byRun).get(plan.name);
    if (done === undefined)
      throw new PruneError("bad-calibration", `${plan.name}: the model that run() was given has no such session`);
    return done;
  }

  private meterOf(plan: Plan): ProgressMeter {
    const meter =
      this.meters.get(plan.name) ??
      new ProgressMeter(this.context.onProgress, plan.name, plan.calibrated, plan.calibrated ? plan.options.passes : 1);
    this.meters.set(plan.name, meter);
    return meter;
  }
}

const NOT_CACHED =
  "not cached: calibration by run() or feeds has no content to make a key of; give it a name with calibration.id";
