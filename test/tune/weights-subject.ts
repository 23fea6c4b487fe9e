/**
 * Subjects whose weights are all that matters: a tiny model that holds them, and statistics made up
 * for each. And the slow way to score and mask the same weights.
 */

import type { Device } from "../../src/compute/index.js";
import { buildModel, findTargets, type Target } from "../../src/graph/index.js";
import { openModel } from "../../src/onnx/index.js";
import type { Pattern } from "../../src/pattern/index.js";
import type { Plan } from "../../src/prune/index.js";
import {
  type ChannelStatistics,
  channelFactor,
  coefficientsOf,
  type MethodName,
  methodOf,
} from "../../src/score/index.js";
import type { FloatType } from "../../src/tensor/dtypes.js";
import type { Shape, StorageOrder } from "../../src/tensor/matrix.js";
import type { Candidate } from "../../src/tune/candidate.js";
import { DenseWeights } from "../../src/tune/dense-weights.js";
import type { Subject } from "../../src/tune/subject.js";
import { DATA_TYPE, modelBytes, node, rawTensor, value } from "../helpers/model.js";
import type { ReferenceJob } from "../helpers/reference-mask.js";
import { storeWeight } from "../helpers/stored-weight.js";

/** A weight of the subject, [out, in], under the name of a module. */
export interface WeightSpec {
  readonly name?: string;
  readonly shape: Shape;
  readonly values: readonly number[];
  readonly dtype?: FloatType;
  readonly order?: StorageOrder;
}

export interface WeightsSubject {
  readonly subject: Subject;
  readonly target: Target;
  /** What the stored weight holds, after rounding to its type, [out, in]. */
  readonly held: ReadonlyMap<Target, readonly number[]>;
}

/** A subject of the given weights. @param method "magnitude": no statistics are collected */
export async function weightsSubject(
  weights: readonly WeightSpec[],
  { seed = 1, method = "crepe" as MethodName } = {},
): Promise<WeightsSubject> {
  const named = weights.map((weight, k) => ({ name: `layers.${k}.mlp.up_proj`, order: "in-out", ...weight }) as const);
  const stored = named.map(({ name, shape, values, dtype = "float32", order }, k) => {
    const { bytes, values: held } = storeWeight(values, shape, dtype, order);
    const dims = order === "in-out" ? [shape.in, shape.out] : [shape.out, shape.in];
    const path = `/model/${name.replaceAll(".", "/").replace("layers/", "layers.")}`;
    return {
      held,
      tensor: rawTensor(`w${k}`, DATA_TYPE[dtype], dims, bytes),
      input: value(`x${k}`, ["tokens", shape.in], DATA_TYPE[dtype]),
      output: value(`y${k}`, ["tokens", shape.out], DATA_TYPE[dtype]),
      layer:
        order === "in-out"
          ? node("MatMul", [`x${k}`, `w${k}`], [`y${k}`], {}, { name: `${path}/MatMul` })
          : node("Gemm", [`x${k}`, `w${k}`], [`y${k}`], { transB: 1 }, { name: `${path}/Gemm` }),
    };
  });
  const spec = {
    inputs: stored.map(({ input }) => input),
    nodes: stored.map(({ layer }) => layer),
    initializers: stored.map(({ tensor }) => tensor),
    outputs: stored.map(({ output }) => output),
  };
  const model = buildModel(await openModel(modelBytes(spec), { name: "tiny" }));
  const { targets } = findTargets(model);
  const statistics =
    methodOf(method).statistic === "none" ? [] : [new Map(targets.map((target) => [target, inputOf(target.shape.in)]))];
  const subject = {
    plan: {
      layers: weights.length,
      pattern: { kind: "n:m", keep: 2, of: 4, permute: false },
      options: { method },
      coefficients: { all: methodOf(method).untuned },
      passes: 1,
    } as Partial<Plan> as Plan,
    device: {} as Device,
    model,
    targets,
    statistics,
    seed,
    tokens: [],
    dense: await DenseWeights.read(targets),
  } as Partial<Subject> as Subject;
  return {
    subject,
    target: targets[0] as Target,
    held: new Map(targets.map((target, k) => [target, stored[k]?.held as number[]])),
  };
}

/** Statistics of an input whose channels differ widely. */
function inputOf(channels: number): ChannelStatistics {
  const each = (of: (i: number) => number) => Float64Array.from({ length: channels }, (_, i) => of(i));
  return {
    tokens: 10,
    sum: each((i) => Math.sin(i)),
    sumOfSquares: each((i) => 10 * (1.1 + Math.sin(3 * i + 1)) ** 4),
  };
}

/** A candidate of CRePE with one pass. */
export const candidateOf = (all: Readonly<Record<string, number>>, pattern: Pattern): Candidate => ({
  method: "crepe",
  pattern,
  coefficients: { all: { ...methodOf("crepe").untuned, ...all } },
  passes: 1,
});

export const byRow = (sparsity: number): Pattern => ({ kind: "unstructured", sparsity, scope: "row" });

/** The same weight and candidate for the reference of test/helpers/reference-mask.ts. */
export function referenceJob(
  { subject, held }: WeightsSubject,
  target: Target,
  { method, pattern, coefficients }: Candidate,
): ReferenceJob {
  const { shape, kind, name } = target;
  const terms = methodOf(method).terms(coefficientsOf(coefficients, { kind, depth: 0 }), shape);
  const factor = [...channelFactor(terms, shape.in, subject.statistics[0]?.get(target), name)];
  return { shape, values: held.get(target) as readonly number[], terms, factor, pattern };
}

/** Numbers in the manner of weights: most small, a few large, about one in ten zero. */
export function weightValues(count: number, seed: number): number[] {
  let state = seed + 1;
  const next = () => {
    state = (Math.imul(state, 48271) >>> 0) % 2147483647;
    return state / 2147483647;
  };
  for (let k = 0; k < 8; k++) next();
  return Array.from({ length: count }, () =>
    next() < 0.1 ? 0 : Math.sign(next() - 0.5) * 0.05 * -Math.log(next() + 1e-3),
  );
}
