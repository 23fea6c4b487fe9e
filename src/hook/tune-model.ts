/**
 * Tunes the coefficients of a model by its name: files by the host, work by tune/, and the result kept in
 * the registry, where `coefficients: "auto"` finds it.
 */
import { openSamples, type Samples, type Tokenizer, windowsBehind } from "../calibrate/index.js";
import type { MaskDevice } from "../compute/index.js";
import { PruneError } from "../errors.js";
import { findWritableTargets } from "../graph/index.js";
import { type PruneOptions, type ResolvedPrune, resolvePruneOption } from "../options/index.js";
import { describePattern } from "../pattern/index.js";
import type { RunControl } from "../progress.js";
import { checkSelections, openPlan, type Plan, patternAsBy, scoreMethod, sourceHashes } from "../prune/index.js";
import { isAdaptive } from "../reconstruct/table.js";
import { type CoefficientRecord, familyOf, fingerprintOf } from "../registry/index.js";
import { addRecord, readRegistryFile, registryIn } from "../registry/local.js";
import { withoutOutputLocations } from "../runtime/index.js";
import { METHODS, methodOf } from "../score/index.js";
import { hashMemory, sha256, sourceHasher } from "../store/folders.js";
import {
  defaultObjective,
  type Granularity,
  type Metric,
  OBJECTIVE_NAMES,
  openSubject,
  type ResolvedTuneSettings,
  readTuneSettings,
  refusalToMeasure,
  TUNE_OPTION_NAMES,
  type TuneReport,
  type TuneSettingsOptions,
  tune,
} from "../tune/index.js";
import { VERSION } from "../version.js";
import { coefficientLibrary } from "./coefficient-library.node.js";
import { hostRuntime } from "./host.js";
import { refuseUnknownKeys } from "./known-keys.js";
import { loadTokenizer } from "./location.node.js";
import { openDeviceFor } from "./mask-device.js";
import type { GivenPrune } from "./metric-judge.js";
import { cacheRootOf } from "./model-folders.js";
import type { PipelineOf, PipelineTask } from "./pipeline.js";
import { folderOnDisk, type HostLoadOptions, resolveModel } from "./resolve-files.js";
import { dtypeOf } from "./session-file.js";
import { openCheckpoint } from "./tune-checkpoint.js";
import { type ChosenJudge, chooseJudge } from "./tune-judge.js";
import { TuneMeter } from "./tune-meter.js";

/** What is tuned: the options of `prune` that say so. */
const PRUNE_KEYS = [
  "method",
  "sparsity",
  "scope",
  "pattern",
  "permute",
  "include",
  "exclude",
  "calibration",
] as const satisfies (keyof PruneOptions)[];

/** What `tune()` may judge by: a figure of the user's own over pipelines of a task, lower is better. */
export interface TuneMetric<T extends PipelineTask = PipelineTask> extends Metric<PipelineOf<T>> {
  task: T;
}

/** Options of {@link tuneModel}, beside the host's. */
export type TuneOptions<T extends PipelineTask = PipelineTask> = HostLoadOptions &
  RunControl &
  TuneSettingsOptions<TuneMetric<T>> &
  Pick<PruneOptions, (typeof PRUNE_KEYS)[number]>;

/** What a tuning found. */
export interface TuneResult {
  /** Coefficients with their provenance; what `coefficients` takes as a file. */
  readonly record: CoefficientRecord;
  readonly report: TuneReport;
  /** Whether the record is in the registry of this machine. */
  readonly registered: boolean;
}

/**
 * Finds coefficients of a method for one model and one pattern (PHO): a search by a cheap objective, then
 * a judge that decides between the best candidates, RIA and Wanda: the perplexity of `text`, or `metric`.
 * What is not better than both is not registered.
 *
 * @param model Hub id or directory of a model of one session file that reads text; of a causal language
 *   model where perplexity judges
 * @throws PruneError `unsupported` where the model is none of these; `bad-option` where the method has no
 *   coefficients, the text is too short or the metric no number; otherwise as the phases say; what the
 *   metric throws; the signal's reason when aborted: with `checkpoint`, the same call goes on from there
 */
export async function tuneModel<T extends PipelineTask>(model: string, options: TuneOptions<T>): Promise<TuneResult> {
  refuseUnknownKeys(options, [...PRUNE_KEYS, ...TUNE_OPTION_NAMES], "tune()");
  const start = performance.now();
  const { signal, onProgress } = options;
  const settings = readTuneSettings(picked(options, TUNE_OPTION_NAMES));
  const given = picked(options, PRUNE_KEYS);
  const wanted = resolveWanted(given);
  const found = await resolveModel(model, hostOptionsOf(options));
  const [file, ...others] = found.files;
  if (file === undefined || others.length > 0)
    throw new PruneError(
      "unsupported",
      `${model} has ${found.files.length} session files; tuning searches in one of them and needs a model of one`,
    );
  folderOnDisk(found);
  const cacheRoot = cacheRootOf(found.options.cache_dir);
  const plan = await openPlan(file, wanted);
  let opened: MaskDevice | undefined;
  try {
    const device = await openDeviceFor(file.sessionOptions);
    opened = device;
    checkSelections([plan], model);
    const { targets } = await findWritableTargets(plan.model);
    const family = familyOf(await coefficientLibrary(found.id, found.options).modelType(file.input as string), targets);
    const tokenizer = await loadTokenizer(found.id, null, found.options);
    const chosenJudge = chooseJudge(settings.judge, tokenizer, { model: found, prune: given as GivenPrune });
    const samples = await openSamples(wanted.calibration, async () => tokenizer, plan.name);
    const { tokens, note } = await objectiveTokens(wanted, settings, chosenJudge, tokenizer);
    const source = await sourceHashes(plan.model.onnx, sourceHasher(hashMemory(cacheRoot)), signal);
    const checkpoint = await openCheckpoint(
      settings.checkpoint,
      identityOf(source, plan, settings, chosenJudge, samples, device.name),
    );
    const registry = settings.register ? registryIn(cacheRoot) : null;
    // A damaged registry is found out before the work and not after it.
    if (registry !== null) await readRegistryFile(registry);
    const granularity = granularityOf(settings, plan);
    const meter = new TuneMeter(onProgress, plan.name, { ...settings, judge: chosenJudge.described.name });
    const sessionOptions = withoutOutputLocations(file.sessionOptions);
    const runtime = hostRuntime();
    const control = signal === undefined ? {} : { signal };
    const subject = await openSubject(
      { plan, runtime, sessionOptions, device, samples, passes: settings.passes, tokens, seed: settings.seed },
      { ...control, onSample: (pass, done) => meter.calibrate(pass, done, samples.total) },
    );
    const measured = await refusalToMeasure(subject);
    const prepared = performance.now();
    const judge = chosenJudge.open({ subject, samples }, checkpoint.state?.judged);
    const usual = defaultObjective(plan.model);
    const tuned = await tune(
      subject,
      judge,
      {
        ...settings,
        objective: settings.objective ?? usual.name,
        granularity,
        studied: OBJECTIVE_NAMES,
        baselines: { ria: patternAsBy("ria", plan), wanda: patternAsBy("wanda", plan) },
      },
      {
        ...control,
        onBaseline: (done) => meter.baseline(done),
        onStudy: (done) => meter.study(done),
        onStep: (step, done) => meter.search(step, done),
        onJudged: (done, total) => meter.check(done, total),
        onState: (state) => checkpoint.save(state),
      },
      checkpoint.state,
    ).catch(async (error: unknown) => {
      await checkpoint.flush();
      throw error;
    });
    const prepare = (prepared - start) / 1000;
    const { study, search, check } = tuned.seconds;
    const seconds = prepare + study + search + check;
    const dtype = dtypeOf(file.name);
    const { objective, chosen, judged, accepted } = tuned;
    const report: TuneReport = {
      ...tuned,
      model,
      family,
      dtype,
      method: scoreMethod(plan),
      pattern: describePattern(plan.pattern),
      calibration: samples.description,
      judge: chosenJudge.described,
      optimiser: settings.optimiser,
      seed: settings.seed,
      device: device.description(),
      notes: [
        settings.objective === null ? usual.why : null,
        note,
        measured === null ? null : `gini and diagonal-error looked at sampled rows: ${measured}`,
        ...device.refusals(),
      ].filter((one) => one !== null),
      seconds: { prepare, ...tuned.seconds, total: seconds },
    };
    const record: CoefficientRecord = {
      method: scoreMethod(plan),
      pattern: report.pattern,
      coefficients: chosen.candidate.coefficients,
      passes: chosen.candidate.passes,
      family,
      model: { name: model, fingerprint: await fingerprintOf(targets), dtype },
      objective: objective.name,
      search: {
        optimiser: settings.optimiser,
        tokens: tokens.reduce((sum, ids) => sum + ids.length, 0),
        per: typeof settings.per === "string" ? settings.per : `${settings.per.segments} segments`,
      },
      calibration: samples.description,
      judge: chosenJudge.described,
      judged,
      evaluations: tuned.steps.length,
      seconds,
      seed: settings.seed,
      date: new Date().toISOString(),
      version: VERSION,
    };
    const registered = accepted && registry !== null;
    if (registered) await addRecord(registry, record, signal);
    await checkpoint.remove();
    return { record, report, registered };
  } finally {
    await opened?.close();
    await plan.model.onnx.close();
  }
}

/** The pattern to tune has the scope of tuned coefficients where the user names none, so they are given, not looked up. */
function resolveWanted(options: object): ResolvedPrune {
  const { method } = resolvePruneOption({ preset: "fast", ...options }).forFile("") as ResolvedPrune;
  const untuned = isAdaptive(method) ? {} : methodOf(method).untuned;
  if (Object.keys(untuned).length === 0) {
    const tunable = Object.entries(METHODS).flatMap(([name, row]) => (row.parameters.length > 0 ? [name] : []));
    throw new PruneError(
      "bad-option",
      `tune(): method "${method}" has no coefficients to tune; those that have: ${tunable.join(", ")}`,
      { details: { option: "method", method } },
    );
  }
  const wanted = resolvePruneOption({ preset: "fast", ...options, coefficients: untuned }).forFile("") as ResolvedPrune;
  const { memory, source } = wanted.calibration;
  if (memory !== null)
    throw new PruneError(
      "unsupported",
      "tune(): calibration.memory is not possible, because tuning holds all weights in memory; leave memory out",
      { details: { option: "calibration.memory" } },
    );
  const { kind } = source;
  if (kind === "run" || kind === "feeds")
    throw new PruneError(
      "unsupported",
      `tune(): calibration by ${kind} is not possible, because objectives run the model on text; calibrate with texts or tokens`,
      { details: { option: "calibration" } },
    );
  return wanted;
}

/**
 * Windows for objectives: no longer than what is calibrated on and judged by, and behind the former where
 * the text goes on; with a note where that was not possible.
 */
async function objectiveTokens(
  { calibration }: ResolvedPrune,
  { tokens }: ResolvedTuneSettings,
  { described: { text } }: ChosenJudge,
  tokenizer: Tokenizer,
): Promise<{ tokens: number[][]; note: string | null }> {
  const length = Math.min(tokens, calibration.length, text?.length ?? tokens);
  const count = Math.ceil(tokens / length);
  const behind = await windowsBehind(calibration, { count, length }, async () => tokenizer);
  const windows = behind?.windows ?? [];
  const found = windows.reduce((sum, ids) => sum + ids.length, 0);
  const fewer = found < tokens ? `objectives look at ${found} tokens and not at ${tokens}` : null;
  const seen = behind?.unseen === false ? "objectives look at tokens that statistics were collected on" : null;
  const what = [fewer, seen].filter((one) => one !== null).join("; ");
  return { tokens: windows, note: what === "" ? null : `${what}: the calibration text is too short for more` };
}

function granularityOf({ per }: ResolvedTuneSettings, { targets, layers }: Plan): Granularity {
  if (per === "model") return { by: "model" };
  if (per !== "kind") {
    if (per.segments <= layers) return { by: "depth", segments: per.segments };
    throw new PruneError(
      "bad-option",
      `tune().per.segments is ${per.segments}, but the model has ${layers} blocks; give as many at most`,
      { details: { option: "per", expected: layers, found: per.segments } },
    );
  }
  return { by: "kind", kinds: [...new Set(targets.map(({ kind }) => kind))] };
}

/** What the figures of a checkpoint are figures of. How to search may change: a search that does begins anew. */
function identityOf(
  source: Readonly<Record<string, string>>,
  { options, pattern }: Plan,
  { tokens, seed }: ResolvedTuneSettings,
  judge: ChosenJudge,
  samples: Samples,
  device: string,
): string {
  const { method, include, exclude, calibration } = options;
  const what = {
    method,
    pattern,
    include,
    exclude,
    calibration: [calibration.source, calibration.bos, samples.description],
  };
  return sha256(JSON.stringify([VERSION, source, what, judge.identity, tokens, seed, device]));
}

const picked = <Key extends string>(options: object, keys: readonly Key[]): Record<string, unknown> =>
  Object.fromEntries(Object.entries(options).filter(([key]) => (keys as readonly string[]).includes(key)));

function hostOptionsOf(options: TuneOptions): HostLoadOptions {
  const own: readonly string[] = [...PRUNE_KEYS, ...TUNE_OPTION_NAMES, "signal", "onProgress"];
  return Object.fromEntries(Object.entries(options).filter(([key]) => !own.includes(key)));
}
