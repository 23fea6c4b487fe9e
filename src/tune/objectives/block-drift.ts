/**
 * What pruning does to each block alone: sampled blocks are run with pruned weights on the hidden
 * states of the dense model, and their outputs compared. All blocks run in one pass: before each of
 * them the graph is cut, and dense states are fed. Blocks that are not sampled are not even masked.
 */
import type { RuntimeTensor } from "../../runtime/index.js";
import type { Objective } from "../objective.js";
import { fedName, ProxySession } from "../proxy-session.js";
import { byForward } from "./forward.js";
import { cosineDistance, hiddenStatesOf, relativeError } from "./hidden-states.js";

/** Blocks that are looked at, evenly spaced from the first to the last. */
const SAMPLED_BLOCKS = 8;

/** Mean over the sampled blocks of a distance between dense and pruned outputs. */
const overBlocks = (distance: (dense: RuntimeTensor, pruned: RuntimeTensor) => number): Objective["open"] =>
  byForward(async (subject, signal) => {
    const states = hiddenStatesOf(subject);
    const known = [...states.keys()];
    const pruned = new Set(subject.targets.map(({ layer }) => layer));
    const layers = evenly(
      known.filter((layer) => pruned.has(layer)),
      SAMPLED_BLOCKS,
    );
    const after = layers.flatMap((layer) => states.get(layer)?.state ?? []);
    const before = layers.flatMap((layer) => states.get(known[known.indexOf(layer) - 1] ?? -1)?.seenThrough ?? []);
    const masked = subject.targets.filter(({ layer }) => layer !== null && layers.includes(layer));
    const reference = await ProxySession.open(subject, { targets: [], outputs: before });
    const run = reference.run((target) => subject.dense.of(target));
    const dense = await run.finally(() => reference.close());
    signal?.throwIfAborted();
    return {
      options: { targets: masked, outputs: after, cut: before },
      masked,
      fed: Object.fromEntries(before.map((value) => [fedName(value), dense(value.name)])),
      judge: (outputs) => {
        const wanted = after.map(({ name }) => [outputs(name), name] as const);
        return (pruned) =>
          wanted.reduce((sum, [state, name]) => sum + distance(state, pruned(name)), 0) / wanted.length;
      },
    };
  });

export const blockError: Objective = {
  summary: "squared error of sampled blocks' outputs, each block alone on dense inputs, relative to their size",
  source: "block-wise reconstruction error, for example BESA, arXiv 2402.16880",
  better: "lower",
  open: overBlocks(relativeError),
};

export const blockCosine: Objective = {
  summary: "cosine distance of sampled blocks' outputs, each block alone on dense inputs",
  source: "as block-error, with the measure of ShortGPT, arXiv 2403.03853",
  better: "lower",
  open: overBlocks(cosineDistance),
};

/** At most `count` of the items, the first and the last among them, evenly spaced. */
function evenly<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items];
  return Array.from({ length: count }, (_, i) => items[Math.round((i * (items.length - 1)) / (count - 1))] as T);
}
