/**
 * What it costs to open a model: time and memory of `openModel` against reading the whole file, each
 * in fresh processes, and the time to stream a copy with `writeModel` against the system's own copy.
 *
 *   node bench/run.mjs open [model.onnx]
 */
import { execFileSync } from "node:child_process";
import { copyFile, mkdtemp, open, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ModelSink, openModel, writeModel } from "../src/onnx/index.js";
import { median } from "./figures/median.js";

const RUNS = 9;
const COPIES = 5;
const MEGABYTE = 1e6;

interface Sample {
  readonly milliseconds: number;
  /** Growth of the resident set and of the memory outside of the heap, in bytes. */
  readonly resident: number;
  /** What of it stays after garbage collection: heap and array buffers, in bytes. */
  readonly retained: number;
}

function defaultModel(): string {
  const folder = process.env.PRUNE_MODELS;
  return folder === undefined ? "models/austen-1.4m/onnx/model.onnx" : `${folder}/smollm2-135m/onnx/model.onnx`;
}

/** Runs in a child process: one cold measurement. */
async function measure(task: () => Promise<unknown>): Promise<Sample> {
  globalThis.gc?.();
  const before = process.memoryUsage();
  const start = performance.now();
  const kept = await task();
  const milliseconds = performance.now() - start;
  const after = process.memoryUsage();
  globalThis.gc?.();
  const settled = process.memoryUsage();
  const retained = settled.heapUsed + settled.external - before.heapUsed - before.external;
  // Keeps the result alive until it has been weighed.
  if (kept === undefined) throw new Error("nothing was measured");
  return { milliseconds, resident: after.rss - before.rss, retained };
}

function inChild(task: "open" | "read", path: string): Sample {
  const script = fileURLToPath(import.meta.url);
  const output = execFileSync(process.execPath, ["--expose-gc", script, `--${task}`, path], { encoding: "utf8" });
  return JSON.parse(output) as Sample;
}

function report(label: string, samples: readonly Sample[]): void {
  const of = (pick: (sample: Sample) => number) => median(samples.map(pick));
  const milliseconds = of((sample) => sample.milliseconds).toFixed(0);
  const resident = (of((sample) => sample.resident) / MEGABYTE).toFixed(1);
  const retained = (of((sample) => sample.retained) / MEGABYTE).toFixed(1);
  console.log(`${label.padEnd(22)} ${milliseconds.padStart(6)} ms  +${resident} MB resident  +${retained} MB kept`);
}

/** Appends chunks to files of a folder, as fast as the disk takes them. */
async function copyWith(path: string, folder: string): Promise<void> {
  const model = await openModel(path);
  const file = await open(join(folder, "streamed.onnx"), "w");
  const sink: ModelSink = { write: async (_, chunk) => void (await file.write(chunk)) };
  await writeModel(model, {}, sink, { fileName: "streamed.onnx" });
  await file.close();
  await model.close();
}

async function timed(task: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await task();
  return performance.now() - start;
}

async function main(path: string): Promise<void> {
  const { size } = await stat(path);
  const model = await openModel(path);
  await model.close();
  console.log(`${path}: ${(size / MEGABYTE).toFixed(1)} MB, ${model.graph.nodes.length} nodes`);
  console.log(
    `${(model.topologyBytes / MEGABYTE).toFixed(1)} MB are read to open it; medians of ${RUNS} cold processes:`,
  );
  report(
    "openModel",
    Array.from({ length: RUNS }, () => inChild("open", path)),
  );
  report(
    "readFile",
    Array.from({ length: RUNS }, () => inChild("read", path)),
  );

  const folder = await mkdtemp(join(tmpdir(), "bench-open-"));
  try {
    const streamed: number[] = [];
    const copied: number[] = [];
    for (let i = 0; i < COPIES; i++) {
      streamed.push(await timed(() => copyWith(path, folder)));
      copied.push(await timed(() => copyFile(path, join(folder, "copied.onnx"))));
    }
    console.log(`medians of ${COPIES} copies to ${folder}:`);
    console.log(`openModel + writeModel ${median(streamed).toFixed(0).padStart(6)} ms`);
    console.log(`copyFile               ${median(copied).toFixed(0).padStart(6)} ms`);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const [first, second] = process.argv.slice(2);
if (first === "--open" && second !== undefined) console.log(JSON.stringify(await measure(() => openModel(second))));
else if (first === "--read" && second !== undefined) console.log(JSON.stringify(await measure(() => readFile(second))));
else await main(first ?? defaultModel());
