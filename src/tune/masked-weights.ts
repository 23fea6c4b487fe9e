/**
 * The weights as one candidate prunes them, in memory. Masks come from the device; one candidate's
 * weights are kept, so that several objectives that look at the same candidate share the work, and
 * buffers are used again for the next one.
 */
import type { TargetStatistics } from "../calibrate/index.js";
import type { Device, MaskJob } from "../compute/index.js";
import type { Target } from "../graph/index.js";
import type { Mask } from "../pattern/index.js";
import { weightBytes } from "../prune/index.js";
import { maskInto } from "../rewrite/index.js";
import { type ChannelStatistics, channelFactor, coefficientsOf, depthOf, methodOf } from "../score/index.js";
import { type Candidate, candidateKey } from "./candidate.js";
import type { DenseWeights } from "./dense-weights.js";

export interface MaskedWeightsOptions {
  /** Blocks of the model, which tell how deep a weight lies. */
  readonly layers: number;
  readonly device: Device;
  readonly dense: DenseWeights;
  /** Statistics by pass, as `Subject` has them. */
  readonly statistics: readonly TargetStatistics[];
}

/** Weights under the mask of the latest candidate. */
export class MaskedWeights {
  private readonly buffers = new Map<Target, Uint8Array>();
  private current = "";
  private scoredWith: TargetStatistics | undefined;
  private done = new Set<Target>();

  constructor(private readonly options: MaskedWeightsOptions) {}

  /** Makes the next candidate pay for its masks, whatever it is. */
  forget(): void {
    this.current = "";
  }

  /**
   * Weights of `targets` as `candidate` prunes them: stored bytes by target. They are valid until the
   * next candidate is asked for.
   *
   * @param statistics of the model that the pass before the last has pruned, where not the shared ones
   * @throws PruneError from the device; the signal's reason when aborted
   */
  async of(
    candidate: Candidate,
    targets: readonly Target[],
    signal?: AbortSignal,
    statistics = this.options.statistics[candidate.passes - 1],
  ): Promise<ReadonlyMap<Target, Uint8Array>> {
    const key = candidateKey(candidate);
    if (key !== this.current || statistics !== this.scoredWith) this.done = new Set();
    this.current = key;
    this.scoredWith = statistics;
    // Held on to: a job of a candidate that failed may end when the next one is under way.
    const { done } = this;
    const missing = targets.filter((target) => !done.has(target));
    await Promise.all(
      missing.map(async (target) => {
        const mask = await this.maskOf(target, candidate, statistics?.get(target), signal);
        // Otherwise the buffers are the next candidate's by now.
        if (this.done === done) this.write(target, mask);
        done.add(target);
      }),
    );
    return new Map(targets.map((target) => [target, this.buffers.get(target) as Uint8Array]));
  }

  private maskOf(
    target: Target,
    candidate: Candidate,
    statistics: ChannelStatistics | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Mask> {
    const { device, layers } = this.options;
    return device.computeMask(candidateJob(target, candidate, statistics, layers), signal);
  }

  private write(target: Target, mask: Mask): void {
    const { dense } = this.options;
    const stored = dense.of(target);
    const buffer = this.buffers.get(target) ?? new Uint8Array(stored.byteLength);
    this.buffers.set(target, buffer);
    maskInto(buffer, stored, dense.codingOf(target), mask);
  }
}

/**
 * What a device is told to mask a weight as a candidate says.
 *
 * @param layers blocks of the model, which tell how deep a weight lies
 * @throws PruneError `bad-calibration` where a statistic is needed and absent
 */
export function candidateJob(
  target: Target,
  { method, pattern, coefficients }: Candidate,
  statistics: ChannelStatistics | undefined,
  layers: number,
): MaskJob {
  const { name: label, kind, layer, shape, order } = target;
  const place = { kind, depth: depthOf(layer, layers) };
  const terms = methodOf(method).terms(coefficientsOf(coefficients, place), shape);
  const factor = channelFactor(terms, shape.in, statistics, label);
  return { label, ...weightBytes(target), shape, order, terms, channelFactor: factor, pattern };
}
