/**
 * The constants of CMA-ES for a dimension and a population, with the names and defaults of Hansen,
 * "The CMA Evolution Strategy: A Tutorial", arXiv 1604.00772, table 1 (weights that are negative for
 * the worse half included).
 */

export interface CmaParameters {
  /** Weights of the points from best to worst; the better half's are positive and sum to 1. [population] */
  readonly weights: readonly number[];
  /** Variance effective selection mass of the positive weights, μ_eff. */
  readonly selectionMass: number;
  /** Learning rate and damping of the step size, c_σ and d_σ. */
  readonly stepRate: number;
  readonly stepDamping: number;
  /** Learning rate of the evolution path of the covariance, c_c. */
  readonly pathRate: number;
  /** Learning rates of the rank-one and the rank-μ update, c_1 and c_μ. */
  readonly rankOneRate: number;
  readonly rankMuRate: number;
  /** Expected length of a standard normal vector, E‖N(0, I)‖. */
  readonly expectedLength: number;
}

/** λ of the tutorial: how many points a generation has at least. */
export const defaultPopulation = (n: number): number => 4 + Math.floor(3 * Math.log(n));

/**
 * @param n dimension, at least 1
 * @param population points of a generation, λ, at least 4
 */
export function cmaParameters(n: number, population: number): CmaParameters {
  const raw = Array.from({ length: population }, (_, i) => Math.log((population + 1) / 2) - Math.log(i + 1));
  const half = Math.floor(population / 2);
  const selectionMass = massOf(raw.slice(0, half));
  const negativeMass = massOf(raw.slice(half));

  const rankOneRate = 2 / ((n + 1.3) ** 2 + selectionMass);
  const rankMuRate = Math.min(
    1 - rankOneRate,
    (2 * (0.25 + selectionMass + 1 / selectionMass - 2)) / ((n + 2) ** 2 + selectionMass),
  );
  // Eq. 50–53: the negative weights together may weigh no more than keeps the covariance positive definite.
  const negativeSum = Math.min(
    1 + rankOneRate / rankMuRate,
    1 + (2 * negativeMass) / (selectionMass + 2),
    (1 - rankOneRate - rankMuRate) / (n * rankMuRate),
  );
  const positive = sum(raw.filter((w) => w > 0));
  const negative = -sum(raw.filter((w) => w < 0));

  const stepRate = (selectionMass + 2) / (n + selectionMass + 5);
  return {
    weights: raw.map((w) => (w >= 0 ? w / positive : (w * negativeSum) / negative)),
    selectionMass,
    stepRate,
    stepDamping: 1 + 2 * Math.max(0, Math.sqrt((selectionMass - 1) / (n + 1)) - 1) + stepRate,
    pathRate: (4 + selectionMass / n) / (n + 4 + (2 * selectionMass) / n),
    rankOneRate,
    rankMuRate,
    expectedLength: Math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n)),
  };
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

const massOf = (weights: readonly number[]): number => sum(weights) ** 2 / sum(weights.map((w) => w * w));
