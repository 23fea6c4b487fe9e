/**
 * Seconds of weight updates on the shapes of one block of SmolLM2-135M, and what they leave of the layer error:
 * random weights, and activations of a few directions with some channels that are far larger than the rest. SparseGPT's
 * update also in PyTorch (updates_torch.py), from the same factor of the inverse, with the same threads.
 *
 *   node bench/run.mjs updates [--repetitions 3] [--only 2:4]     PYTHON=python3 with torch
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { InferenceSession, Tensor } from "onnxruntime-node";
import type { SecondMoments } from "../src/linalg/second-moments.js";
import type { Pattern } from "../src/pattern/index.js";
import { describePattern } from "../src/pattern/index.js";
import { dsnot } from "../src/reconstruct/dsnot.js";
import { layerError } from "../src/reconstruct/layer-error.js";
import { LayerInput } from "../src/reconstruct/layer-input.js";
import { obs } from "../src/reconstruct/obs.js";
import { swaps } from "../src/reconstruct/swaps.js";
import { DEFAULT_PARAMETERS } from "../src/reconstruct/table.js";
import type { Runtime, RuntimeSession, RuntimeTensor } from "../src/runtime/index.js";
import { openProducts } from "../src/runtime/products.js";
import type { Shape } from "../src/tensor/matrix.js";
import { median } from "./figures/median.js";

/** Queries, keys, gate and down; the others of a block have one of these shapes. */
const SHAPES: readonly Shape[] = [
  { out: 576, in: 576 },
  { out: 192, in: 576 },
  { out: 1536, in: 576 },
  { out: 576, in: 1536 },
];
const PATTERNS: readonly Pattern[] = [
  { kind: "n:m", keep: 2, of: 4, permute: false },
  { kind: "unstructured", sparsity: 0.5, scope: "matrix" },
  { kind: "unstructured", sparsity: 0.5, scope: "row" },
];
const TOKENS = 2048;
const BLOCK_SIZE = 128;

const { values: flags } = parseArgs({
  options: { repetitions: { type: "string", default: "3" }, only: { type: "string" } },
});

const runtime: Runtime = {
  open: async (model, options) =>
    (await InferenceSession.create(model as Uint8Array, options)) as unknown as RuntimeSession,
  tensor: (type, data, dims) => new Tensor(type as "float32", data as Float32Array, dims) as unknown as RuntimeTensor,
};

/** Normal numbers (Box and Muller). */
function normal(length: number, scale: number): Float32Array {
  return Float32Array.from(
    { length },
    () => scale * Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random()),
  );
}

/** Activations of `channels >> 2` directions and noise; one channel in 50 is ten times larger, and has a mean. */
async function momentsOf(channels: number, products: ReturnType<typeof openProducts>): Promise<SecondMoments> {
  const directions = channels >> 2;
  const factors = { rows: TOKENS, columns: directions, values: normal(TOKENS * directions, 1) };
  const mix = { rows: directions, columns: channels, values: normal(directions * channels, 1 / Math.sqrt(directions)) };
  const { values } = await products.multiply(factors, mix);
  const noise = normal(values.length, 0.5);
  for (let k = 0; k < values.length; k++) {
    const isLarge = (k % channels) % 50 === 7;
    values[k] = ((values[k] as number) + (noise[k] as number) + Number(isLarge)) * (isLarge ? 10 : 1);
  }
  const x = { rows: TOKENS, columns: channels, values };
  const product = await products.multiply(x, x, { transposeA: true });
  const sum = new Float64Array(channels);
  for (let k = 0; k < values.length; k++) sum[k % channels] = (sum[k % channels] as number) + (values[k] as number);
  const packed = new Float64Array((channels * (channels + 1)) / 2);
  for (let i = 0, k = 0; i < channels; i++)
    for (let j = i; j < channels; j++, k++) packed[k] = product.values[i * channels + j] as number;
  return { channels, tokens: TOKENS, sum, packed };
}

/** Median seconds of PyTorch's routine, and how far its values are from ours. */
function inTorch(shape: Shape, pattern: Pattern, values: Float32Array, upper: Float32Array, repetitions: number) {
  const folder = mkdtempSync(join(tmpdir(), "transformers-prune-updates-"));
  try {
    writeFileSync(join(folder, "values"), values);
    writeFileSync(join(folder, "upper"), upper);
    const job = { ...shape, pattern, blockSize: BLOCK_SIZE, repetitions, threads: availableParallelism(), folder };
    const script = resolve("bench/updates_torch.py");
    const { stdout, stderr, status } = spawnSync(process.env.PYTHON ?? "python3", [script, JSON.stringify(job)]);
    if (status !== 0) throw new Error(String(stderr));
    const bytes = readFileSync(join(folder, "updated"));
    return { seconds: Number(stdout), updated: new Float32Array(new Uint8Array(bytes).buffer) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Wanda's mask: in each row, or group of N:M, the lowest |w| ‖x‖ go. */
function byWanda(values: Float32Array, pattern: Pattern, input: LayerInput): Uint8Array {
  const { channels } = input.moments;
  const norms = input.diagonal().map(Math.sqrt);
  const scores = values.map((value, k) => Math.abs(value) * (norms[k % channels] as number));
  const [size, share] =
    pattern.kind === "n:m" ? [pattern.of, 1 - pattern.keep / pattern.of] : [channels, pattern.sparsity];
  const kept = new Uint8Array(values.length).fill(1);
  for (let start = 0; start < values.length; start += size) {
    const order = Array.from({ length: size }, (_, k) => start + k);
    order.sort((a, b) => (scores[a] as number) - (scores[b] as number));
    for (const k of order.slice(0, Math.floor(size * share))) kept[k] = 0;
  }
  return kept;
}

const repetitions = Number(flags.repetitions);
const products = openProducts(runtime, {});
const inputs = new Map<number, LayerInput>();
for (const shape of SHAPES) {
  const { out, in: channels } = shape;
  const known = inputs.get(channels);
  const input =
    known ?? new LayerInput(await momentsOf(channels, products), products, { damping: 0.01, label: `${channels}` });
  inputs.set(channels, input);
  const { upper } = await input.inverseFactor();
  const values = normal(out * channels, 0.05);
  for (const pattern of PATTERNS) {
    if (flags.only !== undefined && describePattern(pattern) !== flags.only) continue;
    const job = { label: "weight", shape, values, pattern, kept: null, grid: null };
    const seconds: number[] = [];
    let updated = await obs(job, input, { blockSize: BLOCK_SIZE });
    for (let k = 0; k < repetitions; k++) {
      const start = performance.now();
      updated = await obs(job, input, { blockSize: BLOCK_SIZE });
      seconds.push((performance.now() - start) / 1000);
    }
    const torch = inTorch(shape, pattern, values, upper.values, repetitions);
    const differ = updated.values.reduce(
      (sum, value, k) => sum + Number(Math.abs(value - (torch.updated[k] as number)) > 1e-3),
      0,
    );
    console.log(
      `${out} × ${channels}, ${describePattern(pattern)}: ours ${(median(seconds) * 1000).toFixed(1)} ms, PyTorch ` +
        `${(torch.seconds * 1000).toFixed(1)} ms; layer error ${(await layerError(values, updated.values, input)).toFixed(5)}, ` +
        `${(await layerError(values, torch.updated, input)).toFixed(5)}; ${differ} of ${values.length} values differ`,
    );
    if (pattern.kind === "unstructured" && pattern.scope === "matrix") continue;
    const kept = byWanda(values, pattern, input);
    const errors = [
      await layerError(
        values,
        values.map((value, k) => value * (kept[k] as number)),
        input,
      ),
    ];
    for (const [name, update] of Object.entries({ swaps, dsnot })) {
      const start = performance.now();
      const exchanged = await update({ ...job, kept }, input, DEFAULT_PARAMETERS);
      const milliseconds = performance.now() - start;
      errors.push(await layerError(values, exchanged.values, input));
      console.log(
        `  ${name}: ${milliseconds.toFixed(1)} ms; layer error ${errors.at(-1)?.toFixed(5)}, of Wanda's mask ${errors[0]?.toFixed(5)}`,
      );
    }
  }
}
await products.release();
