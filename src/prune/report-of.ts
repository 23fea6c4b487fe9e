/** What a run did, as the plain data of report.ts. */
import type { ComputedMask } from "../compute/index.js";
import { describeCoding, findTargets, type Model, partsOf, type Target } from "../graph/index.js";
import { graphsOf, type OnnxModel, type OnnxNode, type OnnxTensor } from "../onnx/index.js";
import { countKept, describePattern, prunedCount } from "../pattern/index.js";
import type { ByteComparison, PlannedFile, PruneReport, WeightReport } from "../report.js";
import type { Masked } from "./masks.js";
import type { Plan } from "./plan.js";
import { describeVerdict, riaPlan } from "./verify.js";

/** Figures that only the one who wrote the result knows. */
export interface Written {
  /** Zeros measured in the bytes of each weight. */
  readonly zerosOf: ReadonlyMap<Target, number>;
  /** Bytes on disk, 0 where the result lives in memory only. */
  readonly bytes: number;
  readonly seconds: number;
  /** Seconds that hashing the source took, where there was a key to find. */
  readonly hashSeconds?: number;
  /** How weights are stored, where they were to be packed. */
  readonly stored?: ReadonlyMap<Target, NonNullable<WeightReport["stored"]>>;
  /** Bytes in other encodings, where they were compared. */
  readonly compared?: ByteComparison;
  /** Calibration in words. */
  readonly calibration: string;
  /** What computed the masks, in words. */
  readonly device: string;
  readonly notes: readonly string[];
}

/** The report of a plan that was carried out. */
export function reportOf(planned: Plan, masked: Masked, written: Written): PruneReport {
  const { verdict } = masked;
  const plan = verdict?.kept === "ria" ? riaPlan(planned) : planned;
  const verified = verdict === undefined ? null : describeVerdict(verdict, planned.options.method);
  const weights = plan.targets.map((target): WeightReport => {
    const { out, in: channels } = target.shape;
    const mask = masked.masks.get(target) as ComputedMask;
    const stored = written.stored?.get(target);
    const updated = masked.updates?.weights.get(target);
    return {
      ...weightFacts(target),
      zeros: out * channels - countKept(mask),
      sparsity: (written.zerosOf.get(target) ?? 0) / (out * channels),
      tokens: masked.statistics?.get(target)?.tokens ?? 0,
      retained: mask.retained,
      ...(updated && { error: updated.error }),
      ...(stored && { stored }),
    };
  });
  const read = plan.seconds + (written.hashSeconds ?? 0);
  const seconds = { read, ...masked.seconds, write: written.seconds };
  return {
    ...planFacts(plan),
    coefficientsFrom: verdict?.kept === "ria" && verified !== null ? verified : plan.coefficientsFrom,
    ...(verdict && { verified: verdict }),
    ...(masked.updates && { ...masked.updates.instead, groups: masked.updates.groups }),
    passes: plan.calibrated ? plan.passes : 0,
    calibration: plan.calibrated ? written.calibration : "none",
    device: written.device,
    zeros: weights.reduce((sum, { zeros }) => sum + zeros, 0),
    prunable: weights.reduce((sum, { shape: [out, channels] }) => sum + out * channels, 0),
    parameters: parametersOf(plan.model),
    weights,
    skipped: plan.skipped,
    notes: [
      ...written.notes,
      ...(masked.updates?.notes ?? []),
      ...(verdict?.kept === "ria" && verified !== null ? [verified] : []),
      ...notPacked(weights),
    ],
    seconds: { ...seconds, total: Object.values(seconds).reduce((sum, value) => sum + value, 0) },
    bytes: {
      source: sourceBytes(plan.model.onnx),
      written: written.bytes,
      ...(written.compared && { compared: written.compared }),
    },
    fromCache: false,
  };
}

/**
 * What a plan is about to do, for who wants to know before.
 *
 * @param calibration in words
 */
export function planned(plan: Plan, calibration: string): PlannedFile {
  const weights = plan.targets.map((target) => ({
    ...weightFacts(target),
    zeros: prunedCount(plan.pattern, target.shape),
  }));
  return {
    ...planFacts(plan),
    coefficientsFrom: plan.coefficientsFrom,
    passes: plan.calibrated ? plan.passes : 0,
    calibration,
    encoding: plan.options.encoding,
    zeros: weights.reduce((sum, { zeros }) => sum + zeros, 0),
    prunable: weights.reduce((sum, { shape: [out, channels] }) => sum + out * channels, 0),
    parameters: parametersOf(plan.model),
    weights,
    skipped: plan.skipped,
    bytes: { source: sourceBytes(plan.model.onnx) },
  };
}

/** What a plan and its report say alike of a file. */
function planFacts({ name, options, pattern, coefficients: { all, ...parts } }: Plan) {
  const { method, reconstruct, parameters, sequential, target, repair } = options;
  const facts = { file: name, method, pattern: describePattern(pattern), coefficients: all, ...parts };
  const told = Object.keys(parameters).length > 0 && { updateParameters: parameters };
  return { ...facts, reconstruct, ...told, sequential, target, repair };
}

/** What a plan and its report say alike of a weight. */
function weightFacts({ name, kind, layer, shape, coding, order }: Target) {
  const dtype = describeCoding(coding, shape, order);
  return { name, kind, layer, shape: [shape.out, shape.in] as const, dtype };
}

/** Which weights stayed dense though they were to be packed, one sentence for each reason. */
function notPacked(weights: readonly WeightReport[]): string[] {
  const byReason = new Map<string, string[]>();
  for (const { name, stored } of weights)
    if (stored?.encoding === "dense") byReason.set(stored.reason, [...(byReason.get(stored.reason) ?? []), name]);
  return [...byReason].map(([reason, names]) => `not packed: ${names.join(", ")}: ${reason}`);
}

/**
 * A report that was kept with the result, for the plan that found it there: the same coefficients may come from
 * elsewhere by now. Where RIA's masks were kept instead, its own say so and that stays.
 */
export function reportFromCache(report: PruneReport, plan: Pick<Plan, "coefficientsFrom"> | undefined): PruneReport {
  const isRias = report.verified?.kept === "ria";
  const { coefficientsFrom } = isRias || plan === undefined ? report : plan;
  return { ...report, coefficientsFrom, fromCache: true };
}

/** Bytes of a model with its external files. */
export function sourceBytes({ source, externalSources }: OnnxModel): number {
  return [...externalSources.values()].reduce((sum, { size }) => sum + size, source.size);
}

const FLOAT_TYPES: ReadonlySet<number> = new Set([1, 10, 16]); // float32, float16, bfloat16
const CODE_TYPES: ReadonlySet<number> = new Set([2, 3, 21, 22, 25, 26]); // uint8, int8, uint4, int4, uint2, int2

/**
 * Parameters of a model: float tensors with at least one axis, quantised weights by the elements that their codes
 * stand for, and other matrices of codes, such as embeddings. Scales, zeros and single numbers of the graph are none.
 */
export function parametersOf(model: Model): number {
  const quantised = findTargets(model).targets.filter(({ coding }) => coding.kind !== "float");
  const known = new Set(quantised.flatMap(({ tensor, coding }) => [tensor, ...partsOf(coding)]));
  const others = [...graphsOf(model.onnx.graph)]
    .flatMap(({ initializers, nodes }) => [...initializers, ...nodes.flatMap(constantOf)])
    .filter((tensor) => !known.has(tensor) && isParameter(tensor))
    .reduce((sum, { dims }) => sum + dims.reduce((a, b) => a * b, 1), 0);
  return quantised.reduce((sum, { shape }) => sum + shape.out * shape.in, others);
}

/** The tensor of a Constant node, where some exporters keep weights too; not where it is a single number. */
const constantOf = ({ opType, attributes }: OnnxNode): OnnxTensor[] => {
  const tensor = opType === "Constant" ? attributes.find(({ name }) => name === "value")?.tensor : null;
  return tensor?.dims.some((size) => size > 1) ? [tensor] : [];
};

const isParameter = ({ dataType, dims }: OnnxTensor): boolean =>
  (FLOAT_TYPES.has(dataType) && dims.length > 0) || (CODE_TYPES.has(dataType) && dims.length > 1);
