/**
 * The search space of a method: its parameters, as its row of METHODS has them, and the number of
 * passes, as points of a unit cube. Optimisers see the cube, objectives the candidates.
 */
import type { Pattern } from "../pattern/index.js";
import { type CoefficientSet, type Coefficients, type MethodName, methodOf } from "../score/index.js";
import { axesOf } from "./axes.js";
import type { Candidate } from "./candidate.js";
import type { Dimension } from "./optimise/index.js";

/** Which weights share coefficients: all, those of a kind, or those of a segment of the blocks. */
export type Granularity =
  | { readonly by: "model" }
  | { readonly by: "kind"; readonly kinds: readonly string[] }
  | { readonly by: "depth"; readonly segments: number };

/** A unit cube and what its points stand for. */
export interface SearchSpace {
  readonly dimensions: readonly Dimension[];
  /** What each dimension is, for people: `power`, `down.size`, `passes`. */
  readonly names: readonly string[];
  /** The candidate of a point. Every point has one. */
  decode(point: readonly number[]): Candidate;
  /** A point that decodes to the candidate, or to the nearest one within the bounds of the search. */
  encode(candidate: Candidate): number[];
}

/**
 * The space of a method's coefficients. Without parameters and with one pass it has no dimension.
 *
 * @param passes most calibration passes a candidate may have
 * @param others coefficients of weights that belong to no part (of a kind that the model has not, outside of
 *   the blocks); the first part's unless told
 */
export function searchSpace(
  method: MethodName,
  pattern: Pattern,
  granularity: Granularity,
  passes: number,
  others?: Coefficients,
): SearchSpace {
  const axes = axesOf(methodOf(method).parameters);
  const ofOnePart = axes.flatMap((axis) => axis.dimensions);
  const parts = partsOf(granularity);
  const passesAt = parts.length * ofOnePart.length;

  const decodePart = (point: readonly number[]): Coefficients => {
    const rest = [...point];
    return Object.assign({}, ...axes.map((axis) => axis.decode(rest.splice(0, axis.dimensions.length))));
  };
  return {
    dimensions: [...parts.flatMap(() => ofOnePart), ...(passes > 1 ? [{ levels: passes }] : [])],
    names: [
      ...parts.flatMap((part) => axes.flatMap(({ names }) => names.map((name) => (part ? `${part}.${name}` : name)))),
      ...(passes > 1 ? ["passes"] : []),
    ],
    decode: (point) => {
      const sets = parts.map((_, i) => decodePart(point.slice(i * ofOnePart.length, (i + 1) * ofOnePart.length)));
      const pass = passes > 1 ? Math.round((point[passesAt] as number) * (passes - 1)) : 0;
      return { method, pattern, coefficients: setOf(granularity, sets, others), passes: pass + 1 };
    },
    encode: ({ coefficients, passes: own }) => [
      ...parts.flatMap((part, i) => {
        const set = coefficients.byKind?.[part] ?? coefficients.byDepth?.[i] ?? coefficients.all;
        return axes.flatMap((axis) => axis.encode(set));
      }),
      ...(passes > 1 ? [(Math.min(own, passes) - 1) / (passes - 1)] : []),
    ],
  };
}

function partsOf(granularity: Granularity): readonly string[] {
  switch (granularity.by) {
    case "model":
      return [""];
    case "kind":
      return granularity.kinds;
    case "depth":
      return Array.from({ length: granularity.segments }, (_, i) => `segment${i + 1}`);
    default:
      return granularity satisfies never;
  }
}

function setOf(granularity: Granularity, sets: readonly Coefficients[], others?: Coefficients): CoefficientSet {
  const [first] = sets as readonly [Coefficients];
  const all = granularity.by === "model" ? first : (others ?? first);
  switch (granularity.by) {
    case "model":
      return { all };
    case "kind":
      return { all, byKind: Object.fromEntries(granularity.kinds.map((kind, i) => [kind, sets[i] as Coefficients])) };
    case "depth":
      return { all, byDepth: sets };
    default:
      return granularity satisfies never;
  }
}
