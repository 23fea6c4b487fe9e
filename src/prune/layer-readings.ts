/** What a walk gives for a group of weights, sorted by what they read. */
import type { GroupInput } from "../calibrate/walk-groups.js";
import { findBias, type Norm, type Target } from "../graph/index.js";
import type { Dense } from "../linalg/products.js";
import type { SecondMoments } from "../linalg/second-moments.js";
import type { Plan } from "./plan.js";
import type { ImitatedReading, LayerReading } from "./update-layer.js";

/** One reading for each distinct activation of a group, in the group's order. */
export function layerReadings(
  plan: Plan,
  group: readonly Target[],
  input: GroupInput,
  norms: readonly Norm[],
): LayerReading[] {
  const byMoments = new Map<SecondMoments, Target[]>();
  for (const target of group) {
    const moments = input.moments.get(target) as SecondMoments;
    byMoments.set(moments, [...(byMoments.get(moments) ?? []), target]);
  }
  const isShifted = plan.options.repair.includes("bias");
  return [...byMoments].map(([moments, targets]) => ({
    targets,
    moments,
    imitated: imitatedBy(targets, input),
    shifted: new Set(isShifted ? targets.filter((target) => typeof findBias(target) !== "string") : []),
    norm: norms.find(({ readers }) => readers.length === targets.length && isAmong(readers, targets)) ?? null,
  }));
}

const isAmong = (some: readonly Target[], all: readonly Target[]) => some.every((one) => all.includes(one));

function imitatedBy(targets: readonly Target[], { dense }: GroupInput): ImitatedReading | null {
  const [first] = targets;
  const cross = first && dense?.cross.get(first);
  if (!cross || dense === null) return null;
  const residuals = targets.flatMap((target) => {
    const own = dense.residuals.get(target);
    return own === undefined ? [] : [[target, toFloat32(own)] as const];
  });
  return { cross: toFloat32(cross), residuals: new Map(residuals) };
}

const toFloat32 = ({ rows, columns, values }: Dense<Float64Array>): Dense => ({
  rows,
  columns,
  values: Float32Array.from(values),
});
