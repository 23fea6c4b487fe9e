/**
 * What updates of weights will take, for dry runs: groups are those of the real thing, and time is counted in products of
 * a weight with an [in, in] matrix, whatever it is spent on. How many an update is worth is measured on SmolLM2-135M
 * (`npm run bench -- reconstruct`, and `-- estimate --methods balanced,best` for what comes of it).
 */
import { groupsOf } from "../calibrate/groups.js";
import { residualOf, type Target } from "../graph/index.js";
import { type ReconstructionName, type RepairName, reconstructionOf } from "../reconstruct/table.js";
import { movesWeights, type Plan } from "./plan.js";
import { collectedBytes, groupingOf, streamsOf } from "./update-groups.js";

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

/** What an update has in memory of a matrix of moments and of a weight, in bytes a value. */
const WORKING = { moment: 16, weight: 24 } as const;

/** What the updates of a plan take. */
export interface UpdateLoad {
  /** Bytes of the moments of the largest group, and of the largest update. */
  readonly bytes: number;
  /** Multiplications and additions of all updates of one pass. */
  readonly operations: number;
  /** The same of the moments, for each token of a calibration. */
  readonly perToken: number;
  /** Models that the samples go through. */
  readonly streams: number;
  /** Parts that each of them is cut into: one for every group. */
  readonly parts: number;
}

/** The load of a plan; null where weights do not move. */
export function updateLoad(plan: Plan): UpdateLoad | null {
  const { model, targets, options } = plan;
  if (!movesWeights(options)) return null;
  const { reconstruct, repair, target } = options;
  const hasBlocks = reconstruct !== null && reconstructionOf(reconstruct).unit === "feed-forward";
  const groups = groupsOf(model, targets, groupingOf(plan, hasBlocks));
  const streams = streamsOf(target);
  const inputs = inputsOf(targets);
  const products =
    PRODUCTS_OF.error +
    (reconstruct === null ? 0 : PRODUCTS_OF.update[reconstruct]) +
    sum(repair.map((one) => PRODUCTS_OF.repair[one])) +
    (streams > 1 ? PRODUCTS_OF.goal : 0);
  const factors = (reconstruct === null ? 0 : (FACTORS_OF[reconstruct] ?? 1)) + (streams > 1 ? 1 : 0);
  const residuals = streams > 1 ? targets.filter((one) => residualOf(model, one) !== null) : [];
  const working = targets.map(({ shape: { out, in: channels } }) => {
    return WORKING.moment * channels ** 2 + WORKING.weight * out * channels;
  });
  return {
    bytes: most(groups.map((group) => collectedBytes(plan, group, {}))) + most(working),
    operations:
      sum(inputs.map((channels) => FACTOR * factors * channels ** 3)) +
      sum(targets.map(({ shape: { out, in: channels } }) => 2 * products * out * channels ** 2)),
    // Moments of each model, and their product.
    perToken:
      MOMENT *
      (sum(inputs.map((channels) => (streams > 1 ? 3 : 1) * channels ** 2)) +
        sum(residuals.map(({ shape: { out, in: channels } }) => out * channels))),
    streams,
    parts: groups.length,
  };
}

/** Input channels of each distinct activation that the layers read. */
function inputsOf(targets: readonly Target[]): number[] {
  const channels = new Map(targets.map(({ uses, shape }) => [uses[0]?.activation, shape.in]));
  return [...channels.values()];
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
const most = (numbers: readonly number[]): number => numbers.reduce((a, b) => Math.max(a, b), 0);
