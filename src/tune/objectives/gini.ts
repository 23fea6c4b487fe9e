/**
 * Gini coefficients of scores: PHO's proxy, which looks at how unequal scores are and at nothing else.
 * Which scores the paper means is not known to us, so there are three readings. The first two rank
 * candidates alike: zeros that are a share z of all numbers turn a coefficient G of the others into
 * z + (1 − z) G, and z is the pattern's, not the candidate's.
 */

import type { Target } from "../../graph/index.js";
import { giniCoefficient } from "../gini-coefficient.js";
import type { Objective } from "../objective.js";
import type { PrunedRows } from "../sampled-rows.js";
import { byDevice } from "./by-device.js";
import { byRows } from "./by-rows.js";

const SOURCE = "Park, PHO, arXiv 2606.01544";

/** Writes scores to `values` and says how many. */
type Reading = (pruned: PrunedRows, values: Float32Array) => number;

export const giniMasked: Objective = {
  summary: "Gini coefficient of the scores with pruned ones counted as 0, mean over weights by their size",
  source: `${SOURCE}, first reading`,
  better: "higher",
  open: byDevice(
    { figure: "giniMasked", share: sizeOf },
    giniOf(({ scores, pruned, length }, values) => {
      for (let k = 0; k < length; k++) values[k] = (1 - (pruned[k] as number)) * (scores[k] as number);
      return length;
    }),
  ),
};

export const giniKept: Objective = {
  summary: "Gini coefficient of the scores that stay, mean over weights by their size",
  source: `${SOURCE}, second reading`,
  better: "higher",
  open: byDevice({ figure: "giniKept", share: sizeOf }, giniOf(scoresThat(0))),
};

export const giniPruned: Objective = {
  summary: "Gini coefficient of the scores that go, mean over weights by their size",
  source: `${SOURCE}, third reading`,
  better: "higher",
  open: giniOf(scoresThat(1)),
};

/** Weights of a target. */
function sizeOf({ shape }: Target): number {
  return shape.out * shape.in;
}

function giniOf(reading: Reading): Objective["open"] {
  return byRows((_, { targets, longest }) => {
    const values = new Float32Array(longest);
    return {
      targets,
      share: sizeOf,
      figure: (_, pruned) => giniCoefficient(values, reading(pruned, values)),
    };
  });
}

/** Only scores whose mark in `pruned` is `mark`. */
function scoresThat(mark: 0 | 1): Reading {
  return ({ scores, pruned, length }, values) => {
    let count = 0;
    // Written always and counted only where it belongs: which it is, is as good as random, so no branch.
    for (let k = 0; k < length; k++) {
      values[count] = scores[k] as number;
      count += Number(pruned[k] === mark);
    }
    return count;
  };
}
