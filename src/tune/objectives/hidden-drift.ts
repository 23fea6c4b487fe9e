/**
 * How far the hidden state drifts: cosine distance between the dense and the pruned model's output of
 * each block, mean over tokens, summed over blocks. Errors that one block hands to the next count, as
 * they do in perplexity.
 */
import type { Objective } from "../objective.js";
import { byForward } from "./forward.js";
import { cosineDistance, hiddenStatesOf } from "./hidden-states.js";

export const hiddenDrift: Objective = {
  summary: "cosine distance of every block's output, dense against pruned, on a few hundred tokens",
  source: "our measurements, docs/pho.md",
  better: "lower",
  open: byForward((subject) => {
    const values = [...hiddenStatesOf(subject).values()].map(({ state }) => state);
    return {
      options: { targets: subject.targets, outputs: values },
      masked: subject.targets,
      judge: (dense) => {
        const states = values.map((value) => [dense(value.name), value.name] as const);
        return (pruned) => states.reduce((sum, [state, name]) => sum + cosineDistance(state, pruned(name)), 0);
      },
    };
  }),
};
