/**
 * Adds up what taps return, in float64, over any number of runs, and says whether it can be trusted.
 */
import { PruneError } from "../errors.js";
import type { Target } from "../graph/index.js";
import type { RuntimeTensor } from "../runtime/index.js";
import type { ChannelStatistics } from "../score/index.js";
import type { Tap } from "./taps.js";

/** Statistics of every target of one model file. */
export type TargetStatistics = ReadonlyMap<Target, ChannelStatistics>;

/** Gathers the outputs of one tapped model. */
export class TapCollector {
  private readonly totals: { tokens: number; sum: Float64Array; sumOfSquares: Float64Array }[];

  constructor(private readonly taps: readonly Tap[]) {
    this.totals = taps.map(({ targets }) => {
      const channels = (targets[0] as Target).shape.in;
      return { tokens: 0, sum: new Float64Array(channels), sumOfSquares: new Float64Array(channels) };
    });
  }

  /** Adds one run's outputs and frees them. */
  add(outputs: Readonly<Record<string, RuntimeTensor>>): void {
    this.taps.forEach((tap, index) => {
      const total = this.totals[index] as (typeof this.totals)[number];
      const take = (name: string, into: Float64Array) => {
        const tensor = outputs[name] as RuntimeTensor;
        const data = tensor.data as ArrayLike<number>;
        for (let i = 0; i < into.length; i++) into[i] = (into[i] as number) + (data[i] as number);
        tensor.dispose?.();
      };
      const tokens = new Float64Array(1);
      take(tap.outputs.sum, total.sum);
      take(tap.outputs.sumOfSquares, total.sumOfSquares);
      take(tap.outputs.tokens, tokens);
      total.tokens += tokens[0] as number;
    });
  }

  /** Names of all tap outputs, to be kept from whoever runs the session. */
  get outputNames(): ReadonlySet<string> {
    return new Set(this.taps.flatMap(({ outputs }) => [outputs.sum, outputs.sumOfSquares, outputs.tokens]));
  }

  /**
   * The statistics so far. A weight with several inputs (one weight used twice) gets their sum.
   *
   * @throws PruneError `bad-statistics` where a channel is NaN or infinite; `bad-calibration` where a
   *   weight saw no token
   */
  statistics(): TargetStatistics {
    const all = new Map<Target, { tokens: number; sum: Float64Array; sumOfSquares: Float64Array }>();
    this.taps.forEach((tap, index) => {
      const total = this.totals[index] as (typeof this.totals)[number];
      for (const target of tap.targets) {
        const before = all.get(target);
        all.set(target, before === undefined ? total : plus(before, total));
      }
    });
    for (const [target, total] of all) check(target, total);
    return all;
  }
}

function plus(
  a: ChannelStatistics,
  b: ChannelStatistics,
): { tokens: number; sum: Float64Array; sumOfSquares: Float64Array } {
  return {
    tokens: a.tokens + b.tokens,
    sum: a.sum.map((value, i) => value + (b.sum[i] as number)),
    sumOfSquares: a.sumOfSquares.map((value, i) => value + (b.sumOfSquares[i] as number)),
  };
}

function check(target: Target, { tokens, sum, sumOfSquares }: ChannelStatistics): void {
  const details = { weight: target.name };
  if (tokens === 0)
    throw new PruneError(
      "bad-calibration",
      `weight "${target.name}" saw no token during calibration; give samples that reach it, or exclude it`,
      { details },
    );
  const bad = sumOfSquares.findIndex((value, i) => !Number.isFinite(value) || !Number.isFinite(sum[i] as number));
  if (bad >= 0)
    throw new PruneError(
      "bad-statistics",
      `weight "${target.name}": input channel ${bad} of ${sum.length} has statistics that are not finite after ${tokens} tokens; ` +
        "the model overflows on these samples: calibrate with other samples or a float32 file, or exclude it",
      { details: { ...details, channel: bad } },
    );
}
