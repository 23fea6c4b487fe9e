/**
 * Statistics of a model whose weights do not fit in memory together: the tapped graph is cut into
 * parts, and all samples go through one part before the next is opened.
 */
import type { Model, Target } from "../graph/index.js";
import { CARRIED_IN_MEMORY } from "./carried-memory.node.js";
import type { CollectControl, CollectOptions } from "./collect.js";
import { statisticsOf, TapCollector, type TargetStatistics } from "./collector.js";
import { type CutRun, runStages } from "./run-stages.js";
import type { Samples } from "./samples.js";
import { planTaps } from "./taps.js";

/** Statistics, and in how many parts they were collected. */
export interface PartedStatistics extends CutRun {
  readonly statistics: TargetStatistics;
}

/** What a process takes beside weights: Node, the runtime, the tokenizer, activations of a run, masks so far. */
export const BESIDE_WEIGHTS = 250_000_000;
/** Bytes that a session on a CPU takes for a stored one: 1.2 of float32, 2.5 of float16, which it computes as float32 (docs/large-models.md). */
const BYTES_PER_STORED = 2.5;

/** Bytes of stored weights that a part may have where a process may take about `memory` bytes. */
export const weightBytesWithin = (memory: number): number => Math.max(1, (memory - BESIDE_WEIGHTS) / BYTES_PER_STORED);

/** In how many parts, and whether they kept the bound, for the report; nothing where the model was run whole and within. */
export function describeParts({ parts, largest, mostBytes }: CutRun): string {
  if (parts === 1 && largest <= mostBytes) return "";
  const text = `, run in ${parts} ${parts === 1 ? "part" : "parts"} of at most ${Math.ceil(largest / 1e6)} MB of weights`;
  return largest <= mostBytes
    ? text
    : `${text}, more than calibration.memory leaves for them, because a node cannot be cut`;
}

/**
 * As `collectStatistics`, one part of the graph at a time.
 *
 * @param mostBytes most bytes of stored weights that a part may have; one of a single node may have more
 * @throws PruneError as `collectStatistics`; `unsupported` where what crosses a cut is no tensor of
 *   numbers; `storage` where it cannot be kept
 */
export async function collectInParts(
  model: Model,
  targets: readonly Target[],
  samples: Samples,
  options: CollectOptions & { readonly mostBytes: number },
  control: CollectControl,
): Promise<PartedStatistics> {
  const collectors: TapCollector[] = [];
  const stage = {
    targets,
    edited: new Set<never>(),
    tap: (here: readonly Target[], wholeOf: (target: Target) => Target) => {
      const { taps, edits } = planTaps(model, here, { padding: samples.padding, keepOutputs: false });
      const whole = taps.map(({ outputs, targets: [first, ...rest] }) => ({
        outputs,
        targets: [wholeOf(first), ...rest.map(wholeOf)] as const,
      }));
      const collector = new TapCollector(whole);
      collectors.push(collector);
      return { edits, add: ([outputs = {}]: readonly Parameters<TapCollector["add"]>[0][]) => collector.add(outputs) };
    },
    done: async () => ({}),
  };
  const all = { ...options, mostInMemory: CARRIED_IN_MEMORY.saving, hasDense: false, changed: {} };
  const cut = await runStages(model, [stage], samples, all, control);
  return { ...cut, statistics: statisticsOf(collectors) };
}
