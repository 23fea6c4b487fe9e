/**
 * Coefficients of a whole model: one set of numbers for all weights, or further ones by what a weight
 * does in its block, or by how deep its block lies. Every set of numbers is complete.
 */
import type { Coefficients } from "./method.js";

/** Coefficients for each weight of a model. `byKind` and `byDepth` exclude each other. */
export interface CoefficientSet {
  /** For every weight that nothing below names. */
  readonly all: Coefficients;
  /** By the weight's kind: `q`, `down`, … */
  readonly byKind?: Readonly<Record<string, Coefficients>>;
  /** By depth, first to last: the blocks fall into as many segments of equal share. */
  readonly byDepth?: readonly Coefficients[];
}

/** A weight, as far as its coefficients depend on it. */
export interface WeightPlace {
  readonly kind: string;
  /** Share of the blocks that lie before it, 0 ≤ depth < 1; null outside of blocks. */
  readonly depth: number | null;
}

/** Shares of blocks are quotients: 11/22 · 22 may come out a little below 11. */
const ROUNDING = 1e-9;

/** The coefficients of one weight. */
export function coefficientsOf({ all, byKind = {}, byDepth }: CoefficientSet, weight: WeightPlace): Coefficients {
  if (byDepth !== undefined && weight.depth !== null)
    return byDepth[Math.min(byDepth.length - 1, Math.floor(weight.depth * byDepth.length + ROUNDING))] ?? all;
  return (Object.hasOwn(byKind, weight.kind) ? byKind[weight.kind] : undefined) ?? all;
}

/**
 * The depth of a weight.
 *
 * @param layer index of its block, null outside of blocks
 * @param layers how many blocks there are, more than `layer`
 * @returns layer / layers, 0 … 1 exclusive; null outside of blocks
 */
export const depthOf = (layer: number | null, layers: number): number | null =>
  layer === null ? null : layer / layers;
