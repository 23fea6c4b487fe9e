/**
 * The real thing: a candidate's masks exactly as `prune` makes them, pass after pass, and the
 * perplexity of the model under them. It costs what the search is there to avoid, so a trial of the
 * same candidate is not made twice.
 */
import { collectStatistics, type Samples } from "../calibrate/index.js";
import { perplexity } from "../eval/index.js";
import type { TensorEdits } from "../prune/index.js";
import { methodOf } from "../score/index.js";
import { type Candidate, candidateKey } from "./candidate.js";
import type { Subject } from "./subject.js";
import { weightEdits } from "./weight-edits.js";

export interface TrialOptions {
  readonly subject: Subject;
  /** What later passes are calibrated on: the samples of the subject's statistics. */
  readonly samples: Samples;
  /** Token ids to judge on, [windows][length]. */
  readonly windows: readonly (readonly number[])[];
}

/** Real perplexities on one text. */
export class Trial {
  private readonly known: Map<string, number>;

  /** @param known perplexities of an earlier run on the same model and text, by `candidateKey`; "dense" for the dense model's */
  constructor(
    private readonly options: TrialOptions,
    known: Readonly<Record<string, number>> = {},
  ) {
    this.known = new Map(Object.entries(known));
  }

  /** All perplexities so far, by `candidateKey`, as data. */
  get results(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.known);
  }

  /** Perplexity of the dense model. */
  dense(signal?: AbortSignal): Promise<number> {
    return this.once("dense", async () => this.measure(new Map(), signal));
  }

  /**
   * Perplexity of the model as `candidate` prunes it.
   *
   * @throws PruneError from calibration, the device and the runtime; the signal's reason when aborted
   */
  perplexityOf(candidate: Candidate, signal?: AbortSignal): Promise<number> {
    return this.once(candidateKey(candidate), async () => this.measure(await this.masked(candidate, signal), signal));
  }

  private async once(key: string, measure: () => Promise<number>): Promise<number> {
    const known = this.known.get(key) ?? (await measure());
    this.known.set(key, known);
    return known;
  }

  /** The candidate's weights as edits. Each pass after the first looks at the model that the one before pruned. */
  private async masked(candidate: Candidate, signal?: AbortSignal): Promise<TensorEdits> {
    const { subject, samples } = this.options;
    const { model, targets, runtime, sessionOptions } = subject;
    const needsStatistics = methodOf(candidate.method).statistic !== "none";
    let statistics = subject.statistics[0];
    for (let pass = 1; ; pass++) {
      const weights = await subject.masked.of(candidate, targets, signal, statistics);
      const tensors = weightEdits(weights);
      if (pass >= candidate.passes || !needsStatistics) return tensors;
      const options = { runtime, sessionOptions, tensors };
      statistics = await collectStatistics(model, targets, samples, options, { ...(signal && { signal }) });
    }
  }

  private async measure(tensors: TensorEdits, signal?: AbortSignal): Promise<number> {
    const { subject, windows } = this.options;
    const { runtime, sessionOptions, model } = subject;
    const control = signal === undefined ? {} : { signal };
    return (await perplexity(model.onnx, windows, { runtime, sessionOptions, tensors }, control)).perplexity;
  }
}
