/**
 * Seconds of SparseGPT's update from second moments to weights, ours and PyTorch's, layer by layer in turns, so that
 * whatever else the machine does meets both alike. Weights and moments are in memory before the clock starts.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { readValues, type Target } from "../../src/graph/index.js";
import { fullProduct, type SecondMoments } from "../../src/linalg/second-moments.js";
import type { Pattern } from "../../src/pattern/index.js";
import { LayerInput } from "../../src/reconstruct/layer-input.js";
import { obs } from "../../src/reconstruct/obs.js";
import type { UpdateRun } from "./update-run.js";

/** Milliseconds before each turn: threads of the one before, which look for work for a while, have gone to sleep. */
const PAUSE = 100;
const DAMPING = 0.01;
const BLOCK_SIZE = 128;

/** Seconds of one pass over the whole model. */
export interface Pair {
  readonly ours: number;
  readonly torch: number;
}

/** So many passes of both over all weights of the model; one more, which warms up, is not counted. */
export async function againstTorch(
  run: UpdateRun,
  option: { pattern: string } | { sparsity: number },
  repetitions: number,
): Promise<Pair[]> {
  const pattern: Pattern =
    "sparsity" in option
      ? { kind: "unstructured", sparsity: option.sparsity, scope: "matrix" }
      : { kind: "n:m", ...nOfM(option.pattern), permute: false };
  const torch = startTorch(pattern);
  try {
    const pairs = Array.from({ length: repetitions + 1 }, () => ({ ours: 0, torch: 0 }));
    await run.eachInput(async (targets, moments) => {
      const values = await Promise.all(targets.map(readValues));
      await torch.load(targets, values, moments);
      for (const [k, pair] of pairs.entries()) {
        const ours = async () => {
          pair.ours += await seconds(run, targets, values, moments, pattern);
        };
        const theirs = async () => {
          pair.torch += await torch.update();
        };
        for (const one of k % 2 === 0 ? [ours, theirs] : [theirs, ours]) {
          await pause(PAUSE);
          await one();
        }
      }
    });
    return pairs.slice(1);
  } finally {
    torch.stop();
  }
}

function nOfM(text: string): { keep: number; of: number } {
  const [keep, of] = text.split(":").map(Number) as [number, number];
  return { keep, of };
}

/** From moments to all weights that read them. */
async function seconds(
  { products }: UpdateRun,
  targets: readonly Target[],
  values: readonly Float32Array[],
  moments: SecondMoments,
  pattern: Pattern,
): Promise<number> {
  const start = performance.now();
  const input = new LayerInput(moments, products, { damping: DAMPING, label: "layer" });
  for (const [k, { shape, name: label }] of targets.entries()) {
    const job = { label, shape, values: values[k] as Float32Array, pattern, kept: null, grid: null };
    await obs(job, input, { blockSize: BLOCK_SIZE });
  }
  return (performance.now() - start) / 1000;
}

/** A PyTorch that answers each line with one line; a layer is handed over in files. */
function startTorch(pattern: Pattern) {
  const folder = mkdtempSync(join(tmpdir(), "transformers-prune-reconstruct-"));
  const job = { folder, pattern, blockSize: BLOCK_SIZE, damping: DAMPING, threads: availableParallelism() };
  const script = resolve("bench/reconstruct_torch.py");
  const child = spawn(process.env.PYTHON ?? "python3", [script, JSON.stringify(job)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const ask = async (question: object): Promise<number> => {
    child.stdin.write(`${JSON.stringify(question)}\n`);
    const { value, done } = await lines.next();
    if (done) throw new Error("reconstruct_torch.py ended; set PYTHON to a python with torch");
    return Number(value);
  };
  return {
    load: async (targets: readonly Target[], values: readonly Float32Array[], moments: SecondMoments) => {
      const { channels } = moments;
      writeFileSync(join(folder, "moments"), fullProduct(moments, new Float32Array(channels * channels)));
      for (const [k, weight] of values.entries()) writeFileSync(join(folder, `weight${k}`), weight);
      await ask({ channels, weights: targets.length });
    },
    /** Seconds. */
    update: () => ask({}),
    stop: () => {
      child.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
