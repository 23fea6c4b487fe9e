/**
 * stat(i)^power of the score formula, one number per input channel, from what calibration counted.
 */
import { PruneError } from "../errors.js";
import type { ScoreTerms } from "./method.js";

/** What calibration counted of one weight's input, per input channel. */
export interface ChannelStatistics {
  /** Tokens that reached the weight, padding left out. */
  readonly tokens: number;
  /** Sum over tokens, [in]. */
  readonly sum: Float64Array;
  /** Sum of squares over tokens, [in]. */
  readonly sumOfSquares: Float64Array;
}

/**
 * stat(i)^power for every input channel, scaled so that the largest is 1: a common factor changes
 * no ranking, and this one keeps scores within float32.
 *
 * @param label the weight's name, for the error
 * @returns [in], values 0 … 1; all 1 where the method uses no statistic
 * @throws PruneError `bad-calibration` where a statistic is needed and absent
 */
export function channelFactor(
  terms: ScoreTerms,
  channels: number,
  statistics: ChannelStatistics | undefined,
  label: string,
): Float32Array {
  if (terms.statistic === "none" || terms.power === 0) return new Float32Array(channels).fill(1);
  if (statistics === undefined || statistics.tokens === 0)
    throw new PruneError(
      "bad-calibration",
      `weight "${label}" saw no token during calibration; give samples that reach it, or exclude it`,
      { details: { weight: label } },
    );
  const { tokens, sum, sumOfSquares } = statistics;
  const factor = Float64Array.from({ length: channels }, (_, i) => {
    const meanSquare = (sumOfSquares[i] as number) / tokens;
    const mean = terms.statistic === "deviation" ? (sum[i] as number) / tokens : 0;
    return Math.sqrt(Math.max(0, meanSquare - mean * mean)) ** terms.power;
  });
  const largest = factor.reduce((a, b) => Math.max(a, b), 0);
  return Float32Array.from(factor, (f) => (largest > 0 ? f / largest : 1));
}
