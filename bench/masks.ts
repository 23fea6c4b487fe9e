/**
 * Seconds to score and mask every linear weight of a model the shape of SmolLM2-135M (210 weights,
 * 106 million elements), our CPU device against PyTorch: same numbers, same formulas, same cores,
 * same thread count, in turns. Our workers read the weights from a file, as they do in real life
 * (it is in the page cache); PyTorch has its tensors in memory. PyTorch selects by the fastest of
 * its own ways that we tried (topk without sorting). Run it on a quiet machine: other load slows
 * PyTorch, whose threads wait for each other within every operation, more than it slows us.
 *
 *   node bench/run.mjs masks [--layers 30] [--repetitions 5]     PYTHON=python3 with torch
 */
import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { createCpuDevice } from "../src/compute/cpu/index.js";
import type { Device, MaskJob } from "../src/compute/index.js";
import { isKept, type Mask, type Pattern } from "../src/pattern/index.js";
import { channelFactor, type MethodName, methodOf } from "../src/score/index.js";
import type { Shape } from "../src/tensor/matrix.js";
import { median } from "./figures/median.js";

/** One block: q, k, v, o, gate, up, down. */
const BLOCK: readonly Shape[] = [
  { out: 576, in: 576 },
  { out: 192, in: 576 },
  { out: 192, in: 576 },
  { out: 576, in: 576 },
  { out: 1536, in: 576 },
  { out: 1536, in: 576 },
  { out: 576, in: 1536 },
];
/** The weight whose mask is compared: the first `gate`. */
const SAMPLE = 4;
const CREPE = { row: 0.35, column: 0.35, window: 0.3, size: 7, power: 0.5 };
const METHODS_TIMED: readonly MethodName[] = ["magnitude", "wanda", "ria", "crepe"];
const PATTERNS: readonly [name: string, pattern: Pattern][] = [
  ["2:4", { kind: "n:m", keep: 2, of: 4, permute: false }],
  ["4:8", { kind: "n:m", keep: 4, of: 8, permute: false }],
  ["50% by row", { kind: "unstructured", sparsity: 0.5, scope: "row" }],
  ["50% by matrix", { kind: "unstructured", sparsity: 0.5, scope: "matrix" }],
];

const { values: flags } = parseArgs({
  options: { layers: { type: "string", default: "30" }, repetitions: { type: "string", default: "5" } },
});
const shapes = Array.from({ length: Number(flags.layers) }, () => BLOCK).flat();
const elements = shapes.reduce((sum, shape) => sum + shape.out * shape.in, 0);
const threads = Math.min(availableParallelism(), 8);

/** Normal numbers, two at a time (Box and Muller). */
function fillNormal(target: Float32Array): void {
  for (let k = 0; k < target.length; k += 2) {
    const radius = 0.05 * Math.sqrt(-2 * Math.log(1 - Math.random()));
    const angle = 2 * Math.PI * Math.random();
    target[k] = radius * Math.cos(angle);
    target[k + 1] = radius * Math.sin(angle);
  }
}

function writeWeights(path: string): void {
  const file = openSync(path, "w");
  for (const shape of shapes) {
    const weight = new Float32Array(shape.out * shape.in);
    fillNormal(weight);
    writeSync(file, weight);
  }
  closeSync(file);
}

const channelCounts = [...new Set(shapes.map((shape) => shape.in))];
/** Activation norms per input channel, for weights of that many channels. */
const norms = new Map(
  channelCounts.map((count) => [count, Float64Array.from({ length: count }, () => Math.random() + 0.1)]),
);

function jobsFor(path: string, method: MethodName, pattern: Pattern): MaskJob[] {
  let byteOffset = 0;
  return shapes.map((shape, index) => {
    const terms = methodOf(method).terms(CREPE, shape);
    const byteLength = 4 * shape.out * shape.in;
    const squares = (norms.get(shape.in) as Float64Array).map((norm) => norm * norm);
    const statistics = { tokens: 1, sum: squares, sumOfSquares: squares };
    const label = `weight ${index}`;
    const bytes = { kind: "file", path, byteOffset, byteLength } as const;
    byteOffset += byteLength;
    const factor = channelFactor(terms, shape.in, statistics, label);
    return { label, bytes, dtype: "float32", shape, order: "in-out", terms, channelFactor: factor, pattern };
  });
}

async function timeOurs(device: Device, jobs: readonly MaskJob[]): Promise<{ seconds: number; mask: Mask }> {
  const start = performance.now();
  const masks = await Promise.all(jobs.map((job) => device.computeMask(job)));
  return { seconds: (performance.now() - start) / 1000, mask: masks[SAMPLE] as Mask };
}

/** A running masks_torch.py: one line in, one line out. */
function startTorch(folder: string, path: string) {
  const layout = {
    ...{ path, elements, sample: SAMPLE, crepe: CREPE, shapes: shapes.map((shape) => [shape.out, shape.in]) },
    norms: Object.fromEntries([...norms].map(([count, values]) => [count, [...values]])),
  };
  writeFileSync(join(folder, "layout.json"), JSON.stringify(layout));
  const script = resolve("bench/masks_torch.py");
  const python = spawn(process.env.PYTHON ?? "python3", [script, join(folder, "layout.json"), String(threads)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: python.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error("masks_torch.py ended; set PYTHON to a python with torch");
    return JSON.parse(value);
  };
  return {
    ready: answer(),
    time: async (method: MethodName, pattern: Pattern): Promise<{ seconds: number; kept: Uint8Array }> => {
      python.stdin.write(`${JSON.stringify({ method, pattern })}\n`);
      const { seconds, mask } = await answer();
      return { seconds, kept: Buffer.from(mask, "base64") };
    },
    end: () => python.stdin.end(),
  };
}

/** Share of the sample weight on which both masks agree (rounding decides ties differently). */
function agreement(mask: Mask, kept: Uint8Array): number {
  const { shape } = mask;
  const same = kept.reduce((sum, bit, k) => {
    return sum + (isKept(mask, k % shape.out, Math.floor(k / shape.out)) === (bit === 1) ? 1 : 0);
  }, 0);
  return same / kept.length;
}

const folder = mkdtempSync(join(tmpdir(), "bench-masks-"));
const path = join(folder, "weights.bin");
writeWeights(path);
const device = createCpuDevice({ threads, workerUrl: pathToFileURL(resolve("src/compute/cpu/worker.mjs")) });
const torch = startTorch(folder, path);
try {
  const { torch: version } = await torch.ready;
  console.log(
    `${shapes.length} weights, ${elements} elements, ${threads} threads, PyTorch ${version}, seconds (median)`,
  );
  console.log(["method", "pattern", "ours", "PyTorch", "ratio", "ratio of the fastest", "same mask"].join("\t"));
  for (const method of METHODS_TIMED) {
    for (const [name, pattern] of PATTERNS) {
      const jobs = jobsFor(path, method, pattern);
      const warmUp = await timeOurs(device, jobs);
      const same = agreement(warmUp.mask, (await torch.time(method, pattern)).kept);
      const [ours, theirs]: [number[], number[]] = [[], []];
      for (let repetition = 0; repetition < Number(flags.repetitions); repetition++) {
        ours.push((await timeOurs(device, jobs)).seconds);
        theirs.push((await torch.time(method, pattern)).seconds);
      }
      const ratios = [median(theirs) / median(ours), Math.min(...theirs) / Math.min(...ours)];
      const numbers = [median(ours).toFixed(3), median(theirs).toFixed(3), ...ratios.map((r) => `${r.toFixed(1)}x`)];
      console.log([method, name, ...numbers, `${(100 * same).toFixed(3)}%`].join("\t"));
    }
  }
} finally {
  torch.end();
  await device.close();
  rmSync(folder, { recursive: true });
}
