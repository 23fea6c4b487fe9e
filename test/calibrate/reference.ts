/**
 * Statistics of activations in plain JavaScript, from the activations themselves: what taps are held
 * to. And the short way from a tiny model to what its taps counted.
 */
import { expect } from "vitest";
import { collectStatistics, type Samples } from "../../src/calibrate/index.js";
import { buildModel, findTargets, type Target } from "../../src/graph/index.js";
import { openModel } from "../../src/onnx/index.js";
import type { Runtime, RuntimeTensor } from "../../src/runtime/index.js";
import type { ChannelStatistics } from "../../src/score/index.js";
import { type ModelSpec, modelBytes } from "../helpers/model.js";

export type Feeds = Readonly<Record<string, RuntimeTensor>>;

/** Rows of an activation, [rows][channels]. */
export type Rows = readonly (readonly number[])[];

/** Statistics by the name of the weight's tensor. */
export type ByTensor = Readonly<Record<string, ChannelStatistics>>;

/** Ready feeds as samples, one a run. */
export function samplesOf(feeds: readonly Feeds[], padding = true): Samples {
  return {
    total: feeds.length,
    padding,
    description: "feeds of a test",
    async *batches() {
      for (const one of feeds) yield { feeds: one, samples: 1 };
    },
  };
}

/** What the taps of a tiny model counted. */
export async function tapped(
  runtime: Runtime,
  spec: ModelSpec,
  feeds: readonly Feeds[],
  { padding = true, targets: chosen = () => true }: { padding?: boolean; targets?: (target: Target) => boolean } = {},
): Promise<ByTensor> {
  const onnx = await openModel(modelBytes(spec));
  const model = buildModel(onnx);
  const targets = findTargets(model).targets.filter(chosen);
  const options = { runtime, sessionOptions: {}, edits: {} };
  const statistics = await collectStatistics(model, targets, samplesOf(feeds, padding), options, {});
  return Object.fromEntries([...statistics].map(([target, own]) => [target.tensor.name, own]));
}

/** Outputs of a tiny model, all runs one after the other, cut into rows. */
export async function outputRows(
  runtime: Runtime,
  spec: ModelSpec,
  feeds: readonly Feeds[],
): Promise<Readonly<Record<string, Rows>>> {
  const session = await runtime.open(modelBytes(spec), {});
  const all: Record<string, number[][]> = {};
  for (const one of feeds)
    for (const [name, tensor] of Object.entries(await session.run(one)))
      all[name] = [...(all[name] ?? []), ...rowsOf(tensor)];
  await session.release();
  return all;
}

/** A tensor's rows: its last axis is the channel. */
export function rowsOf({ data, dims }: RuntimeTensor): number[][] {
  const channels = dims.at(-1) as number;
  const values = Array.from(data as ArrayLike<number>);
  return Array.from({ length: values.length / channels }, (_, r) => values.slice(r * channels, (r + 1) * channels));
}

/** Tokens, sum and sum of squares of rows, in float64. */
export function statisticsOf(rows: Rows): ChannelStatistics {
  const channels = rows[0]?.length ?? 0;
  const total = (value: (x: number) => number) =>
    Float64Array.from({ length: channels }, (_, i) => rows.reduce((sum, row) => sum + value(row[i] as number), 0));
  return { tokens: rows.length, sum: total((x) => x), sumOfSquares: total((x) => x * x) };
}

/** Expects what was counted to be what it should be, as far as float32 sums go. */
export function expectClose(actual: ChannelStatistics | undefined, expected: ChannelStatistics): void {
  expect(actual?.tokens).toBe(expected.tokens);
  const near = (values: Float64Array, scale: Float64Array) =>
    Array.from(values, (value, i) => expect.closeTo(value, 4 - Math.ceil(Math.log10(1 + (scale[i] as number)))));
  expect([...(actual?.sum ?? [])]).toEqual(near(expected.sum, expected.sumOfSquares));
  expect([...(actual?.sumOfSquares ?? [])]).toEqual(near(expected.sumOfSquares, expected.sumOfSquares));
}
