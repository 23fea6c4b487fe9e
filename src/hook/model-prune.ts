/**
 * One model being loaded with `prune`: every session that the host opens for it comes by here, is
 * pruned or found in the cache, and is opened by the runtime as a normal session.
 */
import { PruneError } from "../errors.js";
import { checkNamedFiles, type ResolvedPrune, type ResolvedPruneOption } from "../options/index.js";
import type { RunControl } from "../progress.js";
import {
  checkSelections,
  type MaskedPlan,
  type ModelFile,
  maskBySamples,
  type Plan,
  ProgressMeter,
  type Selection,
} from "../prune/index.js";
import type { CoefficientLibrary } from "../registry/index.js";
import type { RuntimeSession, SessionOptions } from "../runtime/index.js";
import type { ResultStore, Unfinished } from "../store/index.js";
import { hostRuntime } from "./host.js";
import type { Create, SessionRequest } from "./intercept.js";
import { openDeviceFor } from "./mask-device.js";
import { givenRun, type ModelRun, type Reload, readsAnotherSession, runOf } from "./model-run.js";
import { OpenPlans } from "./open-plans.js";
import { type Kept, keepPruned, openPruned, type PruneFileJob } from "./open-pruned.js";
import { fileKey, modelFileOf, sameFileTwice, sessionFileName } from "./session-file.js";
import { SessionKeeper } from "./session-keeper.js";
import type { RunContext } from "./tapped-runs.js";
import type { HostTokenizer } from "./tokenizer.js";
import { inTurn, Occasion, orAborted } from "./turns.js";

/** What a model's prune needs of the place it was asked from. */
export interface ModelPruneContext {
  /** What to call the model in messages. */
  readonly name: string;
  readonly options: ResolvedPruneOption;
  /** Where results are kept, or why they are not, in words. */
  readonly store: (cache: ResolvedPrune["cache"]) => Promise<ResultStore | string>;
  /** What is known of coefficients. */
  readonly library: CoefficientLibrary;
  /** Tokenizer of the model whose file lies at `path` (null: not known, or given as bytes). */
  readonly tokenizer: (path: string | null) => Promise<HostTokenizer>;
  /** Text of a file beside the model's config, by its name; null where there is none, or where nobody knows where to look. */
  readonly sideFile: (name: string) => Promise<string | null>;
  /** Loads the model once more, to calibrate by running it; null where nobody knows how. */
  readonly reload: Reload | null;
  readonly onProgress: RunControl["onProgress"];
  /** Nobody will call `check`: a file in which nothing can be pruned is an error of its own. */
  readonly unchecked?: boolean;
}

/** Opens the sessions of one model pruned. */
export class ModelPrune implements SessionRequest {
  private readonly sessions = new SessionKeeper();
  private readonly files = new Map<unknown, ModelFile>();
  private readonly siblingsKnown = new Occasion();
  private readonly keys = new Set<string>();
  private readonly selections: Selection[] = [];
  private readonly plans: OpenPlans;
  private readonly meters = new Map<string, ProgressMeter>();
  private readonly runs = new Map<unknown, Promise<readonly MaskedPlan[]>>();

  constructor(private readonly context: ModelPruneContext) {
    this.plans = new OpenPlans(context.library);
  }

  /**
   * Calibrates the files for which the user gave a function whose result nobody may have kept. To be
   * called before the host loads the model, so that what must be downloaded is downloaded once.
   */
  async prepare(): Promise<void> {
    const { namedFiles } = this.context.options;
    // Without a map every file has the same options, whatever its name.
    for (const file of namedFiles.length === 0 ? ["model"] : namedFiles) {
      const options = this.optionsOf(file);
      const run = options === null || options.calibration.id !== null ? null : givenRun(options);
      if (options !== null && run !== null) await inTurn(() => this.maskedBy(run, null, () => null), options.signal);
    }
  }

  async open(model: unknown, options: SessionOptions, create: Create): Promise<RuntimeSession> {
    return this.sessions.open(async (keep) => {
      const file = this.announce(model, options);
      const wanted = this.optionsOf(sessionFileName(file.name));
      const createKept: Create = async (...args) => keep(await create(...args));
      const job = wanted && (await this.jobOf(file, wanted, options, create));
      return job === null ? createKept(file.input, options) : openPruned({ ...job, options, create: createKept });
    });
  }

  /**
   * Prunes a session file and keeps it, without opening it.
   *
   * @returns null where it stays dense
   */
  async keep(model: unknown, options: SessionOptions, create: Create): Promise<Kept | null> {
    const file = this.announce(model, options);
    const wanted = this.optionsOf(sessionFileName(file.name));
    const job = wanted && (await this.jobOf(file, wanted, options, create));
    return job && keepPruned(job);
  }

  announce(model: unknown, options: SessionOptions): ModelFile {
    const file = this.files.get(model) ?? modelFileOf(model, options);
    this.files.set(model, file);
    if (this.files.size > 1) this.siblingsKnown.come();
    return file;
  }

  /** No further session comes: one that seems to read another need not wait for that. */
  announced(): void {
    this.siblingsKnown.come();
  }

  /**
   * To be called once the host has loaded the model.
   *
   * @throws PruneError where the options name files or weights that the model does not have, where
   *   nothing could be pruned, or where the host opened no session by way of the hook
   */
  check(): void {
    const { name, options } = this.context;
    if (this.files.size === 0)
      throw new PruneError(
        "not-found",
        `${name}: @huggingface/transformers opened no session through the hook, so its copy is not the one beside ` +
          "transformers-prune; install both in one place",
      );
    checkNamedFiles(
      options,
      [...this.files.values()].map(({ name }) => sessionFileName(name)),
    );
    if (this.selections.length > 0) checkSelections(this.selections, name);
  }

  /** For when loading fails half-way: stops what is under way, waits for it, and releases what is open. */
  release(): Promise<void> {
    return this.sessions.release();
  }

  /** To be called at the end, loaded or not: closes the files. */
  close(): Promise<void> {
    return this.plans.close();
  }

  /** Options of a session file, null where it stays dense. They stop when the user says so or loading fails. */
  private optionsOf(sessionFile: string): (ResolvedPrune & { readonly signal: AbortSignal }) | null {
    const wanted = this.context.options.forFile(sessionFile);
    const signals = [this.sessions.signal, ...(wanted?.signal ? [wanted.signal] : [])];
    return wanted && { ...wanted, signal: AbortSignal.any(signals) };
  }

  /**
   * The work on a file; null where there is nothing to prune in it.
   *
   * @param create opens sessions that only calibrate
   */
  private async jobOf(
    file: ModelFile,
    wanted: ResolvedPrune & { readonly signal: AbortSignal },
    options: SessionOptions,
    create: Create,
  ): Promise<PruneFileJob | null> {
    const { unchecked = false, reload, store, sideFile } = this.context;
    const { signal } = wanted;
    const key = fileKey(file);
    if (this.keys.has(key)) throw sameFileTwice(file);
    this.keys.add(key);
    const plan = await this.plans.open(file, wanted);
    this.selections.push(plan);
    if (plan.targets.length === 0 && unchecked) checkSelections([{ ...plan, globs: [] }], this.context.name);
    if (plan.targets.length === 0) return null;
    const run = this.runOf(plan);
    // Its key and its calibration depend on the model's other files, which the host may be downloading.
    if (run !== null && reload !== null && readsAnotherSession(plan))
      await orAborted(this.siblingsKnown.promise, signal);
    return {
      plan,
      mask: (unfinished) => this.mask(plan, run, options, create, unfinished),
      needsSiblings: run !== null,
      files: [...this.files.values()],
      tokenizer: () => this.tokenizerOf(plan),
      sideFile,
      meter: this.meterOf(plan),
      signal,
      store: await store(wanted.cache),
    };
  }

  private async mask(
    plan: Plan,
    run: ModelRun | null,
    sessionOptions: SessionOptions,
    create: Create,
    unfinished: Unfinished,
  ): Promise<MaskedPlan> {
    const services = {
      runtime: hostRuntime(create),
      sessionOptions,
      tokenizer: () => this.tokenizerOf(plan),
      openDevice: () => openDeviceFor(sessionOptions),
      unfinished,
    };
    const all =
      run === null
        ? await maskBySamples([plan], services, () => this.meterOf(plan))
        : await this.maskedBy(run, plan.model.onnx.source.path ?? null, (one) => (one === plan ? unfinished : null));
    const done = all.find((one) => one.plan === plan);
    if (done === undefined)
      throw new PruneError(
        "bad-calibration",
        `${this.context.name}: when it was loaded to be calibrated, it had no session "${plan.name}"; load it twice alike`,
      );
    return done;
  }

  /** All files that one run calibrates are masked together, when the first of them asks. */
  private maskedBy(
    run: ModelRun,
    path: string | null,
    unfinishedOf: RunContext["unfinishedOf"],
  ): Promise<readonly MaskedPlan[]> {
    const { name, reload, tokenizer } = this.context;
    const context = {
      model: name,
      optionsOf: (sessionFile: string) => this.optionsOf(sessionFile),
      plans: this.plans,
      tokenizer: () => tokenizer(path),
      reload,
      unfinishedOf,
    };
    const mask = async () => (await import("./mask-by-run.js")).maskByRun(context, run, (plan) => this.meterOf(plan));
    const all = this.runs.get(run.key) ?? mask();
    this.runs.set(run.key, all);
    return all;
  }

  private runOf(plan: Plan): ModelRun | null {
    return runOf(plan, () => this.tokenizerOf(plan));
  }

  private tokenizerOf(plan: Plan): Promise<HostTokenizer> {
    return this.context.tokenizer(plan.model.onnx.source.path ?? null);
  }

  /** One meter per file, also where the file is opened a second time. */
  private meterOf(plan: Plan): ProgressMeter {
    const key = `${plan.name} ${plan.model.onnx.source.size}`;
    const meter = this.meters.get(key) ?? ProgressMeter.of(plan, this.context.onProgress);
    this.meters.set(key, meter);
    return meter;
  }
}
