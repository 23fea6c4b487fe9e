/**
 * A metric of the user's own, as an option: what `tune()` judges by in the place of perplexity. What is
 * measured is a pipeline of the host, which this room does not know; the hook opens it.
 */
import { badOption, isOptionsObject, mustBeFunction, mustBeText, OptionReader, type Read } from "../options/index.js";
import { PERPLEXITY } from "../registry/index.js";

/** A figure of a model as it does a task. `Pipe` is what `measure` is given; `never` takes a function of any pipeline. */
export interface Metric<Pipe = never> {
  /** What the figure is, for reports and records: `"error rate"`. A checkpoint knows the metric by it, so another metric needs another. */
  name: string;
  /** Task of the pipeline, as the host names it: `"text-classification"`. */
  task: string;
  /**
   * The figure of one pipeline, dense or pruned: a finite number, of which the lower is the better (of an
   * accuracy give 1 − accuracy). It must not depend on what was measured before. The pipeline is disposed afterwards.
   */
  measure(pipe: Pipe): number | Promise<number>;
}

/** Reads the `metric` option. @throws PruneError `bad-option`, `unknown-option` */
export const readMetric: Read<Metric> = (value, label) => {
  const expected = "a metric { name, task, measure(pipe) }";
  if (!isOptionsObject(value)) throw badOption(label, expected, value);
  const reader = new OptionReader<keyof Metric>(value, label);
  const name = reader.get("name", mustBeText);
  const task = reader.get("task", mustBeText);
  const measure = reader.get("measure", mustBeFunction);
  reader.refuseUnread();
  if (name === PERPLEXITY)
    throw badOption(label.of("name"), "a name of its own", name, "perplexity is measured where a text is given");
  if (name === undefined || task === undefined || measure === undefined) {
    const missing = Object.entries({ name, task, measure }).find(([, given]) => given === undefined)?.[0] ?? "";
    throw badOption(label.of(missing), `its part of ${expected}`, undefined);
  }
  return { name, task, measure: (pipe: never) => measure.call(value, pipe) as number | Promise<number> };
};
