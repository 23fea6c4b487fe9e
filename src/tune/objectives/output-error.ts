/**
 * The error that pruning makes in the outputs of weights of a few blocks, correlations between input
 * channels included: δ^T X^T X δ for the pruned part δ of every sampled row, on dense inputs.
 */
import { collectMoments, openSamples } from "../../calibrate/index.js";
import type { Target } from "../../graph/index.js";
import { fullProduct, type SecondMoments } from "../../linalg/second-moments.js";
import type { Objective } from "../objective.js";
import { spread } from "../sampled-rows.js";
import type { SampledWeight } from "../sampled-weight.js";
import type { Subject } from "../subject.js";
import { byRows } from "./by-rows.js";

/**
 * Blocks that are looked at, the middle of as many equal parts: Gram matrices of all would take 400 MB in
 * SmolLM2. Where coefficients differ between more than so many segments of the depth, some go unseen.
 */
const SAMPLED_BLOCKS = 4;
/** Bytes that Gram matrices may take; for wide models fewer blocks are looked at, at least one. */
const GRAM_BYTES = 2 ** 29;

export const outputError: Objective = {
  summary: "squared output error of the weights of a few blocks on dense inputs, relative to their outputs",
  source: "the layer-wise objective of SparseGPT, arXiv 2301.00774, eq. 1",
  better: "lower",
  open: byRows(async (subject, _, signal) => {
    const targets = sampledBlocks(subject.targets);
    const grams = await gramsOf(subject, targets, signal);
    const whole = new Map<Target, number>();
    const energy = new RowEnergy();
    return {
      targets,
      share: () => 1,
      figure: (target, { weight, pruned }) => {
        const gram = grams.get(target) as Gram;
        const all = whole.get(target) ?? energy.of(weight, gram, null);
        whole.set(target, all);
        return all > 0 ? energy.of(weight, gram, pruned) / all : 0;
      },
    };
  }),
};

/** X^T X of one linear layer's input. */
interface Gram {
  readonly channels: number;
  /** [in, in] */
  readonly values: Float32Array;
}

async function gramsOf(
  { model, runtime, sessionOptions, tokens }: Subject,
  targets: readonly Target[],
  signal?: AbortSignal,
) {
  const source = { kind: "tokens", samples: tokens } as const;
  const calibration = {
    source,
    count: tokens.length,
    length: tokens[0]?.length ?? 0,
    bos: false,
    id: null,
    memory: null,
  };
  const noText = () => Promise.reject(new TypeError("token ids need no tokenizer"));
  const samples = await openSamples(calibration, noText, model.onnx.name);
  const options = { runtime, sessionOptions, edits: {} };
  const moments = await collectMoments(model, targets, samples, options, signal === undefined ? {} : { signal });
  const grams = new Map<SecondMoments, Gram>();
  for (const own of moments.values())
    if (!grams.has(own)) {
      const { channels } = own;
      grams.set(own, { channels, values: fullProduct(own, new Float32Array(channels * channels)) });
    }
  return new Map([...moments].map(([target, own]) => [target, grams.get(own) as Gram]));
}

/** Targets of a few blocks; where no target lies in a block, all of them. */
function sampledBlocks(targets: readonly Target[]): readonly Target[] {
  const layers = [...new Set(targets.flatMap(({ layer }) => layer ?? []))].sort((a, b) => a - b);
  if (layers.length === 0) return targets;
  const largest = Math.max(...layers.map((layer) => gramBytes(targets.filter((target) => target.layer === layer))));
  const fit = Math.max(1, Math.floor(GRAM_BYTES / largest));
  const chosen = spread(layers, Math.min(SAMPLED_BLOCKS, fit, layers.length), 0.5);
  return targets.filter(({ layer }) => layer !== null && chosen.includes(layer));
}

/** Bytes of the targets' Gram matrices, one for every activation that they read. */
function gramBytes(targets: readonly Target[]): number {
  const sizes = new Map(
    targets.flatMap(({ uses, shape }) => uses.map(({ activation }) => [activation, shape.in] as const)),
  );
  return [...sizes.values()].reduce((sum, channels) => sum + 4 * channels * channels, 0);
}

/** Quadratic forms of rows, with memory that is used again. */
class RowEnergy {
  /** Marked channels so far and their weights, one list per row, [rows, in]. */
  private channels = new Int32Array(0);
  private weights = new Float32Array(0);

  /**
   * Σ over rows of δ^T H δ, where δ is a row's weights that are marked (all where `marks` is null) and H
   * the Gram matrix. Every row of H is read once, for all rows of weights.
   */
  of({ values, rows }: SampledWeight, { values: gram, channels: size }: Gram, marks: Uint8Array | null): number {
    if (this.channels.length < values.length) {
      this.channels = new Int32Array(values.length);
      this.weights = new Float32Array(values.length);
    }
    const { channels, weights } = this;
    const counts = new Int32Array(rows.length);
    let total = 0;
    for (let i = 0, start = 0; i < size; i++, start += size)
      for (let r = 0, at = 0; r < rows.length; r++, at += size) {
        if (marks !== null && marks[at + i] === 0) continue;
        const own = values[at + i] as number;
        const end = at + (counts[r] as number);
        let sum = 0;
        for (let k = at; k < end; k++)
          sum += (weights[k] as number) * (gram[start + (channels[k] as number)] as number);
        // H is symmetric: what stands left of the diagonal counts twice.
        total += own * (own * (gram[start + i] as number) + 2 * sum);
        channels[end] = i;
        weights[end] = own;
        counts[r] = end - at + 1;
      }
    return total;
  }
}
