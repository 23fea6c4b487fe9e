/**
 * Who has the last word in a tuning: the real figure of a pruned model, which costs what the search is
 * there to avoid. Perplexity on a text is one (perplexity-judge.ts), a metric of the user's own over
 * pipelines another (hook/metric-judge.ts). Whatever it measures, nothing is measured twice.
 */
import { type Candidate, candidateKey } from "./candidate.js";

/** Figures of models, of which the lower is the better. */
export interface Judge {
  /** What the figures are: `"perplexity"`, `"error rate"`. */
  readonly name: string;
  /** All figures so far as data: by `candidateKey`, and "dense" for the dense model's. */
  readonly results: Readonly<Record<string, number>>;
  /** The figure of the dense model. */
  dense(signal?: AbortSignal): Promise<number>;
  /** The figure of the model as `candidate` prunes it. */
  of(candidate: Candidate, signal?: AbortSignal): Promise<number>;
}

/** Measures one model: as `candidate` prunes it, or dense (null). */
export type Measure = (candidate: Candidate | null, signal?: AbortSignal) => Promise<number>;

/**
 * A judge that measures each model once.
 *
 * @param known `results` of an earlier judge of the same name, model and data
 */
export function judgeBy(name: string, measure: Measure, known: Judge["results"] = {}): Judge {
  const figures = new Map(Object.entries(known));
  const once = async (key: string, candidate: Candidate | null, signal?: AbortSignal): Promise<number> => {
    const figure = figures.get(key) ?? (await measure(candidate, signal));
    figures.set(key, figure);
    return figure;
  };
  return {
    name,
    get results() {
      return Object.fromEntries(figures);
    },
    dense: (signal) => once("dense", null, signal),
    of: (candidate, signal) => once(candidateKey(candidate), candidate, signal),
  };
}
