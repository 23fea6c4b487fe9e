/**
 * Adds up what taps return, in float64, over any number of runs, and says whether it can be trusted.
 */
import { PruneError } from "../errors.js";
import type { Target } from "../graph/index.js";
import { freeTensor, type RuntimeTensor } from "../runtime/index.js";
import type { ChannelStatistics } from "../score/index.js";
import type { Tap } from "./taps.js";

/** Statistics of every target of one model file. */
export type TargetStatistics = ReadonlyMap<Target, ChannelStatistics>;

/** Gathers the outputs of one tapped model. */
export class TapCollector {
  private readonly totals: readonly { readonly tap: Tap; readonly total: Total }[];

  constructor(taps: readonly Tap[]) {
    this.totals = taps.map((tap) => ({ tap, total: new Total(tap.targets[0].shape.in) }));
  }

  /** Adds one run's outputs and frees them. */
  add(outputs: Readonly<Record<string, RuntimeTensor>>): void {
    const valuesOf = (name: string) => (outputs[name] as RuntimeTensor).data as ArrayLike<number>;
    for (const { tap, total } of this.totals) {
      const { sum, sumOfSquares, tokens } = tap.outputs;
      total.add(valuesOf(tokens)[0] as number, valuesOf(sum), valuesOf(sumOfSquares));
    }
    for (const name of this.outputNames) freeTensor(outputs[name] as RuntimeTensor);
  }

  /** Names of all tap outputs, to be kept from whoever runs the session. */
  get outputNames(): ReadonlySet<string> {
    return new Set(this.totals.flatMap(({ tap: { outputs } }) => Object.values(outputs) as string[]));
  }

  /** What the taps of each target counted so far. */
  *counted(): Generator<readonly [Target, ChannelStatistics]> {
    for (const { tap, total } of this.totals) for (const target of tap.targets) yield [target, total];
  }

  /** The statistics so far, see {@link statisticsOf}. */
  statistics(): TargetStatistics {
    return statisticsOf([this]);
  }
}

/**
 * The statistics that collectors have together. A weight with several inputs (one weight used twice) gets their sum.
 *
 * @throws PruneError `bad-statistics` where a channel is NaN or infinite; `bad-calibration` where a
 *   weight saw no token
 */
export function statisticsOf(collectors: readonly TapCollector[]): TargetStatistics {
  const all = new Map<Target, Total>();
  for (const collector of collectors)
    for (const [target, { tokens, sum, sumOfSquares }] of collector.counted()) {
      const own = all.get(target) ?? new Total(target.shape.in);
      own.add(tokens, sum, sumOfSquares);
      all.set(target, own);
    }
  for (const [target, total] of all) checkStatistics(target, total);
  return all;
}

/** Statistics that grow. */
class Total implements ChannelStatistics {
  tokens = 0;
  readonly sum: Float64Array;
  readonly sumOfSquares: Float64Array;

  constructor(channels: number) {
    this.sum = new Float64Array(channels);
    this.sumOfSquares = new Float64Array(channels);
  }

  add(tokens: number, sum: ArrayLike<number>, sumOfSquares: ArrayLike<number>): void {
    this.tokens += tokens;
    for (let i = 0; i < this.sum.length; i++) {
      this.sum[i] = (this.sum[i] as number) + (sum[i] as number);
      this.sumOfSquares[i] = (this.sumOfSquares[i] as number) + (sumOfSquares[i] as number);
    }
  }
}

/**
 * Checks that statistics can be trusted.
 *
 * @throws PruneError `bad-calibration` where the weight saw no token; `bad-statistics` where a channel is NaN or infinite
 */
export function checkStatistics(target: Target, { tokens, sum, sumOfSquares }: ChannelStatistics): void {
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
