/** Optimisers of functions on the unit cube: a table by name; each is asked for points and told their values. */
import { createOptimiser } from "./algorithm.js";
import { cmaEs } from "./cma-es.js";
import { hillClimbing } from "./hill-climbing.js";
import type { OptimiserForm, OptimiserOptions } from "./optimiser.js";
import { randomSearch } from "./random-search.js";

export type { Dimension, Evaluated, Optimiser, OptimiserForm, OptimiserOptions } from "./optimiser.js";
export { RandomNumbers, type RandomState, seededState } from "./random-numbers.js";

/** The table of optimisers. Adding one is a file and a row. */
export const OPTIMISERS = {
  "cma-es": {
    summary: "a normal distribution that moves and turns towards the better points; restarts with more points",
    source: "Hansen, The CMA Evolution Strategy: A Tutorial, arXiv 1604.00772; restarts of Auger and Hansen, CEC 2005",
    create: (options: OptimiserOptions, checkpoint?: unknown) => createOptimiser(cmaEs, options, checkpoint),
  },
  random: {
    summary: "points drawn uniformly",
    source: "Bergstra and Bengio, Random Search for Hyper-Parameter Optimization, JMLR 13, 2012",
    create: (options: OptimiserOptions, checkpoint?: unknown) => createOptimiser(randomSearch, options, checkpoint),
  },
  "hill-climbing": {
    summary: "one neighbour at a time, kept if better; a smaller step after a round without success",
    source: "Kolda, Lewis and Torczon, Optimization by Direct Search, SIAM Review 45, 2003, §3 (coordinate search)",
    create: (options: OptimiserOptions, checkpoint?: unknown) => createOptimiser(hillClimbing, options, checkpoint),
  },
} as const satisfies Record<string, OptimiserForm>;

/** Name of an optimiser. */
export type OptimiserName = keyof typeof OPTIMISERS;
