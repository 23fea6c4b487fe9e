/** In which groups the layers of a file are updated, and what that leaves of a bound on memory. */
import { BESIDE_WEIGHTS, weightBytesWithin } from "../calibrate/collect-in-parts.js";
import { type GroupBy, type GroupUse, groupBytes, groupsOf } from "../calibrate/groups.js";
import type { WalkOptions } from "../calibrate/walk-groups.js";
import { residualOf, type Target } from "../graph/index.js";
import type { Plan } from "./plan.js";

/**
 * Bytes of second moments that are in memory at a time, where the user bounds nothing. A walk runs every node once
 * however many groups there are; where each group takes a run of the whole model, fewer are better.
 */
const MOST_MOMENT_BYTES = { walk: 256e6, runs: 2e9 } as const;

/**
 * In which groups layers are calibrated: as the user says, else as many at once as their moments have room.
 *
 * @param hasBlocks whether what enters feed-forward blocks is kept besides moments: that of one at a time
 * @param by what a group takes
 */
export function groupingOf(
  { targets, options: { sequential, calibration } }: Plan,
  hasBlocks: boolean,
  by: keyof typeof MOST_MOMENT_BYTES = "walk",
): GroupBy {
  if (sequential === "input") return { kind: "input" };
  if (sequential === null && hasBlocks) return { kind: "blocks", groups: Number.POSITIVE_INFINITY };
  if (sequential !== null) return { kind: "blocks", groups: sequential };
  return {
    kind: "bytes",
    most: calibration.memory === null ? MOST_MOMENT_BYTES[by] : mostMoments(targets, calibration.memory),
  };
}

/**
 * Bytes of weights of a part where a process may take about `memory` bytes: half of what it may have at all is for them.
 * Beside a model that changes for the dense one's outputs, the dense one has weights too.
 */
export const weightsWithin = (memory: number, target: Plan["options"]["target"]): number =>
  Math.max(1, weightBytesWithin((memory + BESIDE_WEIGHTS) / 2) / streamsOf(target));

/** Models that the samples go through. */
export const streamsOf = (target: Plan["options"]["target"]): number => (target === "outputs" ? 2 : 1);

/**
 * Bytes of second moments at a time: the other half, and no more than leaves room for the largest update, when no
 * weights of a part are there and the moments are only half as large.
 */
function mostMoments(targets: readonly Target[], memory: number): number {
  const room = memory - BESIDE_WEIGHTS;
  return Math.max(0, Math.min(room / 2, 2 * (room - workingBytes(targets))));
}

/** Bytes that the largest update works with. */
export const workingBytes = (targets: readonly Target[]): number =>
  targets.reduce((most, { shape: { out, in: channels } }) => {
    const own = WORKING_BYTES.perMoment * channels ** 2 + WORKING_BYTES.perWeight * out * channels;
    return Math.max(most, own);
  }, 0);

/**
 * What an update has at hand besides packed moments: the product in full, its factor in float64 and a copy in float32;
 * of a weight what it is held to, the values in both orders, errors, a mask, and the bytes to store.
 */
const WORKING_BYTES = { perMoment: 24, perWeight: 26 } as const;

/** How groups are collected. */
export interface Collection extends Partial<GroupUse> {
  /** Inputs that are kept themselves. */
  readonly rows?: WalkOptions["rows"];
}

/** Where what is collected of a group is larger than a bound on memory leaves for it, in a sentence. */
export function notesOfMemory(
  plan: Plan,
  groups: readonly (readonly Target[])[],
  collection: Collection = {},
): string[] {
  const { memory } = plan.options.calibration;
  if (memory === null) return [];
  const most = mostMoments(plan.targets, memory);
  const bytes = groups.map((group) => collectedBytes(plan, group, collection));
  const over = bytes.filter((own) => own > most);
  if (over.length === 0) return [];
  const megabytes = (count: number) => `${Math.ceil(count / 1e6)} MB`;
  const working = workingBytes(plan.targets);
  if (working + BESIDE_WEIGHTS > memory)
    return [
      `the update of the largest layer works with ${megabytes(working)} beside ${megabytes(BESIDE_WEIGHTS)} for everything ` +
        `else, more than calibration.memory, ${megabytes(memory)}`,
    ];
  return [
    `calibration.memory leaves ${megabytes(most)} for second moments; those of ${over.length} of ${groups.length} groups ` +
      `of layers took up to ${megabytes(Math.max(...over))}, because those of one group are needed together`,
  ];
}

/**
 * Bytes of all that is collected of a group. For the dense model's outputs there are moments of both models, and their
 * product in float64, which is as large again; and what each layer's output is added to, by its inputs.
 */
export function collectedBytes(
  { model, options: { target } }: Plan,
  group: readonly Target[],
  { areRuns = false, rows }: Collection,
): number {
  const moments = groupBytes(model, group, { areRuns });
  const streams = areRuns ? 1 : streamsOf(target);
  const kept = group.filter((one) => rows?.of.has(one)).reduce((sum, { shape }) => sum + 4 * shape.in, 0);
  const inputs = streams * kept * (rows?.mostTokens ?? 0);
  if (streams === 1) return moments + inputs;
  const added = group.filter((one) => residualOf(model, one) !== null);
  return 3 * moments + inputs + added.reduce((sum, { shape: { out, in: channels } }) => sum + 8 * out * channels, 0);
}

/**
 * The groups of a file where each takes a run of the whole model: block after block where every activation by itself was
 * asked for, and a node's branches can be parted, because nothing is cut.
 */
export function groupsOfRuns(plan: Plan): readonly (readonly Target[])[] {
  const by = groupingOf(plan, false, "runs");
  const byBlock: GroupBy = { kind: "blocks", groups: Number.POSITIVE_INFINITY };
  return groupsOf(plan.model, plan.targets, by.kind === "input" ? byBlock : by, { areRuns: true });
}
