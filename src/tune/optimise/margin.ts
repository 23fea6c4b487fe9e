/**
 * CMA-ES over discrete coordinates: the distribution stays continuous, a drawn number counts as its
 * nearest level, and after every generation each discrete coordinate is corrected so that the levels
 * beside the mean's keep a small chance of being drawn. Without it a shrinking step size would fix a
 * level long before the other coordinates are settled. From Hamano, Saito, Nomura and Shirakawa,
 * "CMA-ES with Margin: Lower-Bounding Marginal Probability for Mixed-Integer Black-Box
 * Optimization", GECCO 2022, arXiv 2205.13482, §4.
 */
import { normalTail, normalTailQuantile } from "./normal-tail.js";

/** A coordinate's normal distribution. */
export interface Marginal {
  readonly mean: number;
  readonly deviation: number;
}

/**
 * The marginal closest to `marginal` under which other levels than the mean's have enough chance:
 * `margin` where the mean's level has one neighbour, half of it on each side where it has two.
 *
 * @param levels at least 2; they are equally spaced over 0 … 1
 * @param margin chance, above 0 and far below 1
 */
export function withMargin(marginal: Marginal, levels: number, margin: number): Marginal {
  const { mean, deviation } = marginal;
  // Threshold k lies between levels k and k + 1.
  const threshold = (k: number) => (k + 0.5) / (levels - 1);
  const level = Math.min(levels - 1, Math.max(0, Math.ceil(mean * (levels - 1) - 0.5)));
  if (level === 0 || level === levels - 1) {
    const bound = threshold(level === 0 ? 0 : levels - 2);
    const farthest = deviation * normalTailQuantile(margin);
    return Math.abs(mean - bound) <= farthest
      ? marginal
      : { mean: bound + Math.sign(mean - bound) * farthest, deviation };
  }
  const lower = threshold(level - 1);
  const upper = threshold(level);
  const below = normalTail((mean - lower) / deviation);
  const above = normalTail((upper - mean) / deviation);
  const least = margin / 2;
  if (below >= least && above >= least) return marginal;
  // What the raised tails have too much is taken from all three parts, in proportion to what they have to spare.
  const [raisedBelow, raisedAbove, within] = [Math.max(least, below), Math.max(least, above), 1 - below - above];
  const total = raisedBelow + raisedAbove + within;
  const share = (1 - total) / (total - 3 * least);
  const fromLower = normalTailQuantile(raisedBelow + share * (raisedBelow - least));
  const fromUpper = normalTailQuantile(raisedAbove + share * (raisedAbove - least));
  return {
    mean: (lower * fromUpper + upper * fromLower) / (fromLower + fromUpper),
    deviation: (upper - lower) / (fromLower + fromUpper),
  };
}
