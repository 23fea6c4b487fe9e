/**
 * About what updates of weights will take, for dry runs: groups are those of the real thing, and time is counted in
 * products of a weight with an [in, in] matrix, whatever it is spent on. How many an update is worth is measured on
 * SmolLM2-135M (`npm run bench -- reconstruct`, and `-- estimate --methods balanced,best` for what comes of it).
 */
import { BESIDE_WEIGHTS } from "../calibrate/collect-in-parts.js";
import { groupsOf } from "../calibrate/groups.js";
import { residualOf, type Target } from "../graph/index.js";
import { type ReconstructionName, type RepairName, reconstructionOf } from "../reconstruct/table.js";
import { movesWeights, type Plan } from "./plan.js";
import { collectedBytes, groupingOf, groupsOfRuns, streamsOf, workingBytes } from "./update-groups.js";

/** Products of a weight by an [in, in] matrix that take as long. */
const PRODUCTS_OF = {
  update: { obs: 27, admm: 150, swaps: 220, dsnot: 10, sparsellm: 60 },
  repair: { "least-squares": 40, scale: 3, norm: 6, bias: 0 },
  /** What a layer is held to, where that is the dense model's output. */
  goal: 10,
  /** The layer error of the report. */
  error: 4,
} as const satisfies {
  update: Record<ReconstructionName, number>;
  repair: Record<RepairName, number>;
  goal: number;
  error: number;
};

/**
 * Operations of a factor of [in, in], by in³: float64 is slower, and its tiles are small. ALPS has an inverse for each of
 * its penalties besides.
 */
const FACTOR = 8;
const FACTORS_OF: Partial<Record<ReconstructionName, number>> = { admm: 9, swaps: 0, dsnot: 0 };

/** Operations of moments, for two channels and a token: products of few tokens are slow, and every run's are added up. */
const MOMENT = 6;

/** What the updates of a plan take. */
export interface UpdateLoad {
  /** Bytes of the moments of the largest group, and of the largest update. */
  readonly bytes: number;
  /** Bytes of the process below which no bound brings them: what it takes itself, and the largest update. */
  readonly leastBytes: number;
  /** Multiplications and additions of all updates of one pass. */
  readonly operations: number;
  /** The same of the moments, for each token of a calibration. */
  readonly perToken: number;
  /** Models that the samples go through. */
  readonly streams: number;
  /** Parts that each of them is cut into: one for every group. */
  readonly parts: number;
}

/**
 * The load of a plan; null where weights do not move.
 *
 * @param areRuns whether the whole model is run to calibrate, once for each group
 */
export function updateLoad(plan: Plan, areRuns: boolean): UpdateLoad | null {
  const { model, targets, options } = plan;
  if (!movesWeights(options)) return null;
  const { reconstruct, repair, target } = options;
  const hasBlocks = reconstruct !== null && reconstructionOf(reconstruct).unit === "feed-forward";
  const groups = areRuns ? groupsOfRuns(plan) : groupsOf(model, targets, groupingOf(plan, hasBlocks));
  const streams = areRuns ? 1 : streamsOf(target);
  const inputs = inputsOf(targets);
  const products =
    PRODUCTS_OF.error +
    (reconstruct === null ? 0 : PRODUCTS_OF.update[reconstruct] * (options.parameters.steps ?? 1)) +
    sum(repair.map((one) => PRODUCTS_OF.repair[one])) +
    (streams > 1 ? PRODUCTS_OF.goal : 0);
  const factors = (reconstruct === null ? 0 : (FACTORS_OF[reconstruct] ?? 1)) + (streams > 1 ? 1 : 0);
  const residuals = streams > 1 ? targets.filter((one) => residualOf(model, one) !== null) : [];
  const collected = groups.map((group) => collectedBytes(plan, group, { areRuns }));
  return {
    bytes: collected.reduce((a, b) => Math.max(a, b), 0) + workingBytes(targets),
    leastBytes: BESIDE_WEIGHTS + workingBytes(targets),
    operations:
      sum(inputs.map((channels) => FACTOR * factors * channels ** 3)) +
      sum(targets.map(({ shape: { out, in: channels } }) => 2 * products * out * channels ** 2)),
    // Moments of each model, and their product.
    perToken:
      MOMENT *
      (sum(inputs.map((channels) => (streams > 1 ? 3 : 1) * channels ** 2)) +
        sum(residuals.map(({ shape: { out, in: channels } }) => out * channels))),
    streams,
    parts: areRuns ? 1 : groups.length,
  };
}

/** Input channels of each distinct activation that the layers read. */
function inputsOf(targets: readonly Target[]): number[] {
  const channels = new Map(targets.map(({ uses, shape }) => [uses[0]?.activation, shape.in]));
  return [...channels.values()];
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
