/**
 * The common course of objectives that run the model: one session, one run with the dense weights to
 * compare with, then one run per candidate. A form says what to look at.
 */
import type { Target } from "../../graph/index.js";
import type { RuntimeTensor } from "../../runtime/index.js";
import type { Objective } from "../objective.js";
import { type ProxyOptions, type ProxyOutputs, ProxySession } from "../proxy-session.js";
import type { Subject } from "../subject.js";

/** What is run, and how a run with a candidate's weights is compared with the dense one. */
export interface ForwardForm {
  readonly options: ProxyOptions;
  /** Weights that a candidate changes; the others of `options.targets` stay dense. */
  readonly masked: readonly Target[];
  /** Inputs of every run beside weights and tokens. */
  readonly fed?: Readonly<Record<string, RuntimeTensor>>;
  /** Looks at the dense run; gives the figure of a pruned one. */
  judge(dense: ProxyOutputs): (pruned: ProxyOutputs) => number;
}

/** An objective's `open` from a form of it. */
export function byForward(
  formOf: (subject: Subject, signal?: AbortSignal) => ForwardForm | Promise<ForwardForm>,
): Objective["open"] {
  return async (subject, signal) => {
    signal?.throwIfAborted();
    const { options, masked, fed, judge } = await formOf(subject, signal);
    signal?.throwIfAborted();
    const session = await ProxySession.open(subject, options);
    try {
      const denseOf = (target: Target) => subject.dense.of(target);
      const figureOf = judge(await session.run(denseOf, fed));
      return {
        measure: async (candidate, signal) => {
          const weights = await subject.masked.of(candidate, masked, signal);
          signal?.throwIfAborted();
          return figureOf(await session.run((target) => weights.get(target) ?? denseOf(target), fed));
        },
        close: () => session.close(),
      };
    } catch (error) {
      await session.close();
      throw error;
    }
  };
}
