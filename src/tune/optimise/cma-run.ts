/**
 * One run of CMA-ES, from a start to the next restart: a normal distribution in search coordinates
 * from which a generation is drawn, and which then moves and turns towards its better half. Follows
 * Hansen's tutorial (arXiv 1604.00772, appendix A, equation numbers below); points are drawn with the
 * diagonal stretch A that the margin of discrete coordinates needs (arXiv 2205.13482):
 * x = m + σ·A·y with y ~ N(0, C).
 */
import { intoBox, outOfBox } from "./box.js";
import { type CmaParameters, cmaParameters } from "./cma-parameters.js";
import { withMargin } from "./margin.js";
import type { Dimension } from "./optimiser.js";
import { nearestLevel, type Problem } from "./problem.js";
import type { RandomNumbers } from "./random-numbers.js";
import { type EigenDecomposition, eigenOfSymmetric } from "./symmetric-eigen.js";

/** State of a run between two generations. Plain JSON. */
export interface CmaRun {
  /** Points of a generation, λ. */
  readonly population: number;
  /** Generations told so far, g. */
  readonly generation: number;
  /** m, [n]: search coordinates of continuous dimensions, plain ones of discrete dimensions. */
  readonly mean: readonly number[];
  /** Step size, σ. */
  readonly sigma: number;
  /** C, [n][n]. */
  readonly covariance: readonly (readonly number[])[];
  /** Diagonal of A, [n]; 1 for continuous dimensions. */
  readonly stretch: readonly number[];
  /** Evolution path of the step size, p_σ, [n]. */
  readonly stepPath: readonly number[];
  /** Evolution path of the covariance, p_c, [n]. */
  readonly covariancePath: readonly number[];
  /** Best and median value of each of the last generations, for the stopping criteria; oldest first. */
  readonly bestValues: readonly number[];
  readonly medianValues: readonly number[];
}

/** A generation that was drawn. */
export interface Generation {
  /** The points of the cube, [population][n]. */
  readonly points: readonly (readonly number[])[];
  /** The standard normal vectors they were made from, z, [population][n]. */
  readonly normals: readonly Float64Array[];
  /** The same along the axes of C, y = B·D·z, [population][n]. */
  readonly steps: readonly Float64Array[];
  readonly axes: PrincipalAxes;
}

/** C = B · D² · B^T. */
export interface PrincipalAxes {
  /** Diagonal of D, [n]. */
  readonly lengths: Float64Array;
  /** B, [n][n]; column k is axis k. */
  readonly vectors: EigenDecomposition["vectors"];
}

/** A fresh run around a point of the cube. */
export function startRun(point: readonly number[], population: number, { dimensions, step }: Problem): CmaRun {
  const zeros = dimensions.map(() => 0);
  return {
    population,
    generation: 0,
    mean: dimensions.map(({ levels }, i) => (levels === null ? outOfBox(point[i] as number) : (point[i] as number))),
    sigma: step,
    covariance: dimensions.map((_, i) => zeros.with(i, 1)),
    stretch: dimensions.map(() => 1),
    stepPath: zeros,
    covariancePath: zeros,
    bestValues: [],
    medianValues: [],
  };
}

/** Draws a generation (eq. 38–40). */
export function drawGeneration(run: CmaRun, { dimensions }: Problem, numbers: RandomNumbers): Generation {
  const axes = principalAxes(run.covariance);
  const normals = Array.from({ length: run.population }, () => Float64Array.from(dimensions, () => numbers.normal()));
  const steps = normals.map((z) => alongAxes(axes, z));
  const points = steps.map((y) =>
    dimensions.map(({ levels }, i) => {
      const x = (run.mean[i] as number) + run.sigma * (run.stretch[i] as number) * (y[i] as number);
      return levels === null ? intoBox(x) : nearestLevel(x, levels);
    }),
  );
  return { points, normals, steps, axes };
}

function principalAxes(covariance: CmaRun["covariance"]): PrincipalAxes {
  const { values, vectors } = eigenOfSymmetric(covariance);
  // Rounding may leave an eigenvalue that should be tiny below 0; the condition number then ends the run.
  return { lengths: values.map((value) => Math.sqrt(Math.max(value, 0))), vectors };
}

/** y = B·D·z, [n]. */
const alongAxes = ({ lengths, vectors }: PrincipalAxes, z: Float64Array): Float64Array =>
  turned(
    vectors,
    z.map((component, k) => component * (lengths[k] as number)),
  );

/** B·v, [n]. */
const turned = (vectors: PrincipalAxes["vectors"], v: Float64Array): Float64Array =>
  Float64Array.from(vectors, (row) => dot(row, v));

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

/**
 * The run after a generation. Only the order of the values matters, not the values.
 *
 * @param values finite, one for each point of the generation
 */
export function learnGeneration(
  run: CmaRun,
  { normals, steps, axes }: Generation,
  values: readonly number[],
  { dimensions }: Problem,
): CmaRun {
  const n = dimensions.length;
  const parameters = cmaParameters(n, run.population);
  const { selectionMass, stepRate, stepDamping, pathRate, expectedLength } = parameters;
  const ranking = values.map((_, k) => k).sort((a, b) => (values[a] as number) - (values[b] as number));
  const rankedSteps = ranking.map((k) => steps[k] as Float64Array);

  // Eq. 41–42: the mean moves towards the better half. Without the stretch, as the margin's authors do:
  // the stretch lets single points try other levels, and the mean must not wander after them. With it,
  // an ellipsoid of 20 dimensions, half of them integers, took three times as many points.
  const meanStep = weightedMean(rankedSteps, parameters.weights, n);
  const mean = run.mean.map((m, i) => m + run.sigma * (meanStep[i] as number));

  // Eq. 43: C^(-1/2)·y is B·z.
  const rankedNormals = ranking.map((k) => normals[k] as Float64Array);
  const whitened = turned(axes.vectors, weightedMean(rankedNormals, parameters.weights, n));
  const stepPath = followed(run.stepPath, whitened, stepRate, Math.sqrt(stepRate * (2 - stepRate) * selectionMass));
  const length = Math.hypot(...stepPath);
  const sigma = run.sigma * Math.exp((stepRate / stepDamping) * (length / expectedLength - 1));

  // Eq. 45: while the step size is growing fast, the path would overshoot, so it waits.
  const grown = length / Math.sqrt(1 - (1 - stepRate) ** (2 * (run.generation + 1)));
  const waits = grown >= (1.4 + 2 / (n + 1)) * expectedLength;
  const covariancePath = followed(
    run.covariancePath,
    meanStep,
    pathRate,
    waits ? 0 : Math.sqrt(pathRate * (2 - pathRate) * selectionMass),
  );
  const covariance = learnCovariance(run.covariance, covariancePath, waits, rankedSteps, rankedNormals, parameters);
  const learnt = { ...run, generation: run.generation + 1, sigma, covariance, stepPath, covariancePath };
  return { ...learnt, ...correctedByMargin(mean, learnt, dimensions) };
}

/** Σ weight·vector over the points with positive weight, [n]. */
function weightedMean(ranked: readonly Float64Array[], weights: readonly number[], n: number): Float64Array {
  const mean = new Float64Array(n);
  ranked.forEach((vector, k) => {
    const weight = weights[k] as number;
    if (weight > 0) for (let i = 0; i < n; i++) mean[i] = (mean[i] as number) + weight * (vector[i] as number);
  });
  return mean;
}

/** An evolution path after a step: the old one fades by `rate`, the new step comes in by `gain`. */
const followed = (path: readonly number[], step: Float64Array, rate: number, gain: number): number[] =>
  path.map((p, i) => (1 - rate) * p + gain * (step[i] as number));

/** Eq. 46–47: the rank-one update by the path and the rank-μ update by all points, best first, [n][n]. */
function learnCovariance(
  covariance: CmaRun["covariance"],
  path: readonly number[],
  waits: boolean,
  steps: readonly Float64Array[],
  normals: readonly Float64Array[],
  { weights, pathRate, rankOneRate, rankMuRate }: CmaParameters,
): number[][] {
  const n = path.length;
  // A negative weight is scaled by its step's length, so that one long step cannot make C indefinite.
  const scaled = weights.map((w, k) => {
    const z = normals[k] as Float64Array;
    return w >= 0 ? w : (w * n) / dot(z, z);
  });
  const lost = waits ? rankOneRate * pathRate * (2 - pathRate) : 0;
  const kept = 1 + lost - rankOneRate - rankMuRate * weights.reduce((a, b) => a + b, 0);
  const updated = covariance.map((row) => row.map((c) => kept * c));
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = 0; k < steps.length; k++) {
        const y = steps[k] as Float64Array;
        sum += (scaled[k] as number) * (y[i] as number) * (y[j] as number);
      }
      const change = rankOneRate * (path[i] as number) * (path[j] as number) + rankMuRate * sum;
      const entry = ((updated[i] as number[])[j] as number) + change;
      (updated[i] as number[])[j] = entry;
      (updated[j] as number[])[i] = entry;
    }
  }
  return updated;
}

/** Mean and stretch after the margin's correction of the discrete coordinates. The paper's margin is 1/(n·λ). */
function correctedByMargin(
  mean: readonly number[],
  run: CmaRun,
  dimensions: readonly Dimension[],
): Pick<CmaRun, "mean" | "stretch"> {
  const margin = 1 / (dimensions.length * run.population);
  const marginals = dimensions.map(({ levels }, i) => {
    const marginal = { mean: mean[i] as number, deviation: deviationOf(run, i) };
    return levels === null ? marginal : withMargin(marginal, levels, margin);
  });
  return {
    mean: marginals.map((marginal) => marginal.mean),
    stretch: run.stretch.map((a, i) => (a * (marginals[i] as { deviation: number }).deviation) / deviationOf(run, i)),
  };
}

/** Standard deviation of coordinate `i`: σ·A_ii·√C_ii. */
export function deviationOf({ sigma, stretch, covariance }: CmaRun, i: number): number {
  return sigma * (stretch[i] as number) * Math.sqrt((covariance[i] as readonly number[])[i] as number);
}
