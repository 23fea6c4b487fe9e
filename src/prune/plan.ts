/**
 * Everything about one model file that is known before anything runs: the opened graph, the weights
 * to prune, the coefficients, and the key under which the result is kept.
 */
import { PruneError } from "../errors.js";
import { buildModel, findWritableTargets, type Model } from "../graph/index.js";
import type { OnnxModel } from "../onnx/index.js";
import { coefficientValues, isOneShot } from "../options/index.js";
import type { ResolvedCalibration, ResolvedPrune } from "../options/types.js";
import type { Pattern } from "../pattern/index.js";
import { isAdaptive } from "../reconstruct/table.js";
import { type Choice, type CoefficientLibrary, chooseCoefficients } from "../registry/index.js";
import { mayHoldPacked } from "../rewrite/index.js";
import { type CoefficientSet, type MethodName, methodOf } from "../score/index.js";
import { digest, type HashSource } from "../store/index.js";
import { VERSION } from "../version.js";
import { type ModelFile, openModelFile } from "./model-file.js";
import { type Selection, selectTargets } from "./select-targets.js";

/** A model file with all decisions made. Close `model.onnx` when done. */
export interface Plan extends Selection {
  readonly name: string;
  readonly model: Model;
  /** As the user gave them. Pattern and passes may still be open there; here they are decided. */
  readonly options: ResolvedPrune;
  readonly pattern: Pattern;
  readonly coefficients: CoefficientSet;
  readonly coefficientsFrom: string;
  /** Passes of calibration, at least 1. */
  readonly passes: number;
  /** Blocks of the file, which tell how deep a weight lies. */
  readonly layers: number;
  /** Whether statistics are needed: the method looks at activations, and there is something to prune. */
  readonly calibrated: boolean;
  /** Seconds that opening took. */
  readonly seconds: number;
}

/**
 * Opens a file lazily and decides what to prune in it, and with which coefficients.
 *
 * @param library what is known of coefficients, for `coefficients: "auto"`; null: nothing
 * @throws PruneError for bad files, options that do not fit them, patterns that do not divide, and files that are packed
 */
export async function openPlan(
  file: ModelFile,
  options: ResolvedPrune,
  library: CoefficientLibrary | null = null,
): Promise<Plan> {
  const start = performance.now();
  const onnx = await openModelFile(file);
  try {
    await refusePacked(onnx);
    const model = buildModel(onnx);
    const found = await findWritableTargets(model);
    const atHand = { path: onnx.source.path ?? null, targets: found.targets };
    const choice = await chooseCoefficients(options, atHand, library);
    const selection = selectTargets(found, options, choice.pattern, onnx.name);
    const needsStatistics = looksAtActivations(options);
    const calibrated = needsStatistics && selection.targets.length > 0;
    return {
      name: file.name,
      model,
      ...selection,
      options,
      pattern: choice.pattern,
      coefficients: choice.coefficients,
      ...passesOf(choice, options, calibrated),
      layers: 1 + found.targets.reduce((last, { layer }) => Math.max(last, layer ?? -1), -1),
      calibrated,
      seconds: (performance.now() - start) / 1000,
    };
  } catch (error) {
    await onnx.close();
    throw error;
  }
}

/** Whether kept weights move, or their mask after it was chosen. */
export function movesWeights({ reconstruct, repair }: Pick<ResolvedPrune, "reconstruct" | "repair">): boolean {
  return reconstruct !== null || repair.length > 0;
}

/** Whether anything that these options ask for is measured on activations. */
export function looksAtActivations(options: ResolvedPrune): boolean {
  const { method } = options;
  return movesWeights(options) || isAdaptive(method) || methodOf(method).statistic !== "none";
}

/**
 * The method that scores the weights of a plan.
 *
 * @throws TypeError where its masks follow from updates and not from scores
 */
export function scoreMethod({ options: { method } }: Pick<Plan, "options">): MethodName {
  if (isAdaptive(method)) throw new TypeError(`${method} has no scores`);
  return method;
}

/** Kept values can be scored no better than the whole, and what was dropped cannot come back. */
async function refusePacked(onnx: OnnxModel): Promise<void> {
  if (!mayHoldPacked(onnx)) return;
  const { findPacked } = await import("../rewrite/packed/index.js");
  const { weights } = await findPacked(onnx);
  const [first] = weights;
  if (first === undefined) return;
  const others = weights.length === 1 ? "" : ` and ${weights.length - 1} others`;
  throw new PruneError(
    "unsupported",
    `${onnx.name} is packed already: weight "${first.weight.name}"${others}; prune the file that it was made from`,
    { details: { file: onnx.name, weights: weights.length } },
  );
}

/** What the user says of the passes counts, then what the coefficients were tuned with. */
function passesOf(
  { passes: tuned, from }: Choice,
  { passes, calibration, sequential }: ResolvedPrune,
  calibrated: boolean,
): Pick<Plan, "passes" | "coefficientsFrom"> {
  // A sequential walk has no second pass: every layer is measured behind the pruned ones as it is.
  const wanted = calibrated && sequential === null ? (passes ?? tuned ?? 1) : 1;
  if (wanted === 1 || passes !== null || !isOneShot(calibration.source))
    return { passes: wanted, coefficientsFrom: from };
  return {
    passes: 1,
    coefficientsFrom: `${from}; with 1 pass instead of ${wanted}, because the feeds can be read only once`,
  };
}

/** Whether text is read, by a tokenizer: for calibration, or for `verify`, which judges on the same text. */
export function readsText({ calibrated, options: { calibration, verify } }: Plan): boolean {
  const { kind } = calibration.source;
  return (calibrated || verify) && (kind === "built-in" || kind === "texts");
}

/** The key of a plan's result and what it was made from. */
export interface PlanKey {
  readonly key: string;
  readonly source: Readonly<Record<string, string>>;
  /** The options as plain data, for the record. */
  readonly options: unknown;
  /** Seconds that hashing the source took. */
  readonly seconds: number;
}

/**
 * Hash of the source's content, the options, the calibration and our version; null where the
 * calibration is code or a stream without a name, which have no content to hash.
 *
 * @param hash of the source's files
 */
export async function planKey(plan: Plan, hash: HashSource, signal?: AbortSignal): Promise<PlanKey | null> {
  const { options } = plan;
  // verify judges on that text, and calibrates RIA on it where the method itself needs no calibration.
  const calibration = plan.calibrated || options.verify ? await calibrationIdentity(options.calibration) : "none";
  if (calibration === null) return null;
  const start = performance.now();
  const source = await sourceHashes(plan.model.onnx, hash, signal);
  const plain = {
    method: options.method,
    reconstruct: options.reconstruct,
    sequential: options.sequential,
    target: options.target,
    repair: options.repair,
    ...(options.reconstruct !== null && { parameters: options.parameters, blockSize: options.blockSize }),
    ...((options.reconstruct !== null || options.repair.length > 0) && { damping: options.damping }),
    pattern: plan.pattern,
    coefficients: coefficientValues(plan.coefficients),
    include: options.include,
    exclude: options.exclude,
    passes: plan.passes,
    ...(options.verify && { verify: true }),
    ...(options.encoding !== "dense" && { encoding: options.encoding }),
    ...(options.compareBytes && { compareBytes: true }),
    calibration,
  };
  const seconds = (performance.now() - start) / 1000;
  return { key: await digest(JSON.stringify([VERSION, plan.name, source, plain])), source, options: plain, seconds };
}

/** The key of a result that nobody looks up, or that nothing tells from another's. */
export const UNKEYED: PlanKey = { key: "", source: {}, options: {}, seconds: 0 };

/** A key that also changes with further files, given by name and hash. */
export async function extendKey(key: PlanKey, files: Readonly<Record<string, string>>): Promise<PlanKey> {
  return { ...key, key: await digest(JSON.stringify([key.key, files])), source: { ...key.source, ...files } };
}

/** SHA-256 of a model's files, external data included, by name. */
export async function sourceHashes(
  onnx: OnnxModel,
  hash: HashSource,
  signal?: AbortSignal,
): Promise<Record<string, string>> {
  const hashes: [name: string, hash: string][] = [];
  for (const [name, from] of [[baseName(onnx.name), onnx.source] as const, ...onnx.externalSources])
    hashes.push([name, await hash(from, signal)]);
  // Not by assignment: the model chooses the names, and assigning to `__proto__` would leave that file out.
  return Object.fromEntries(hashes);
}

/** What the calibration is, as plain data that changes when it does; null where that cannot be said. */
async function calibrationIdentity({ source, count, length, bos, id }: ResolvedCalibration): Promise<unknown> {
  switch (source.kind) {
    case "built-in":
      return { text: "built-in", count, length, bos };
    case "texts":
      return { text: await digest(source.text), count, length, bos };
    case "tokens":
      return { tokens: await digest(JSON.stringify(source.samples)) };
    case "feeds":
    case "run":
      return id === null ? null : { id };
    default:
      return source satisfies never;
  }
}

/** Last part of a path. */
export const baseName = (path: string): string => path.replace(/^.*[\\/]/, "");
