/**
 * Models above 2 GB: what pruning one takes. Writes a Llama of 1.4 billion random weights (5.5 GB as float32, in
 * data files of 4.5 and 1.0 GB, so that offsets pass 2^32), then prunes it from disk to disk, each time in a process
 * of its own, and prints time and peak resident memory; measures the zeros of the last result and loads it in stock
 * transformers.js. Equal hashes of files mean equal results.
 *
 * Needs 12 GB of disk in --folder, and 6 GB of memory for the row "whole" and the last load. Linux only: memory is
 * read from /proc.
 *
 *   node bench/run.mjs big [--folder DIR] [--dtype float32|float16] [--threads 2] [--only magnitude]
 *
 * --folder keeps the model for the next run; without it, or with nothing to find there, it is written first.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { inspectModel, type PruneModelOptions, pruneModel, withPrune } from "../src/hook/index.js";
import type { LlamaConfig } from "../test/helpers/llama.js";
import { generate } from "./big/generate.js";

const { values: flags } = parseArgs({
  options: {
    folder: { type: "string" },
    dtype: { type: "string", default: "float32" },
    threads: { type: "string", default: "2" },
    only: { type: "string", default: "" },
    child: { type: "string" },
  },
});
const dtype = flags.dtype === "float16" ? "float16" : "float32";
/** TinyLlama's shape with six blocks more. */
const CONFIG: LlamaConfig = {
  hidden: 2048,
  intermediate: 5632,
  layers: 28,
  heads: 32,
  kvHeads: 4,
  vocabulary: 32000,
  positions: 2048,
  dtype,
};
const MOST_DATA_FILE_BYTES = 4.5e9;
const hostDtype = dtype === "float32" ? "fp32" : "fp16";

type Prune = Exclude<PruneModelOptions["prune"], boolean | number | string>;
const magnitude = { method: "magnitude" } as const;
const wanda = { method: "wanda", sparsity: 0.5 } as const;
const SAMPLES = { count: 4, length: 512 } as const;
/** Packed results are loaded by us: a stock ONNX Runtime takes several times the model to expand them (docs/packed.md). */
const ROWS: readonly (readonly [label: string, prune: Prune])[] = [
  ["magnitude, 50% by row, packed", { ...magnitude, sparsity: 0.5, scope: "row", encoding: "packed" }],
  ["magnitude, 2:4, packed", { ...magnitude, pattern: "2:4", encoding: "packed" }],
  ["magnitude, 50% by matrix, head too", { ...magnitude, sparsity: 0.5, scope: "matrix", include: "**" }],
  ["magnitude, 50% by matrix", { ...magnitude, sparsity: 0.5, scope: "matrix" }],
  ["magnitude, 2:4", { ...magnitude, pattern: "2:4" }],
  ["magnitude, 50% by row", { ...magnitude, sparsity: 0.5, scope: "row" }],
  ["wanda, 50%, whole", { ...wanda, calibration: SAMPLES }],
  ["wanda, 50%, 1 GB", { ...wanda, calibration: { ...SAMPLES, memory: "1GB" } }],
];

// --- in a process of its own ----------------------------------------------------------------------

/** What a child is asked to do. */
type Task =
  | { readonly kind: "prune"; readonly model: string; readonly out: string; readonly prune: Prune }
  | { readonly kind: "inspect"; readonly model: string }
  | { readonly kind: "load"; readonly model: string; readonly by: "stock" | "us" };

/** A figure of this process in bytes. */
const memory = (figure: "VmHWM" | "RssAnon"): number =>
  1024 * Number(new RegExp(`${figure}:\\s+(\\d+)`).exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? Number.NaN);

async function child(task: Task): Promise<object> {
  const start = performance.now();
  let anonymous = 0;
  const timer = setInterval(() => {
    anonymous = Math.max(anonymous, memory("RssAnon"));
  }, 20);
  const found = await carryOut(task);
  clearInterval(timer);
  return { ...found, wall: (performance.now() - start) / 1000, peak: memory("VmHWM"), anonymous };
}

async function carryOut(task: Task): Promise<object> {
  switch (task.kind) {
    case "prune": {
      const { model, out, prune } = task;
      const result = await pruneModel(model, { prune, out, dtype: hostDtype, threads: Number(flags.threads) });
      const [report] = result.reports;
      if (report === undefined) throw new Error("nothing was pruned");
      const record = readFileSync(join(out, "prune.json"), "utf8");
      const { files } = JSON.parse(record) as { files: { name: string; sha256: string }[] };
      const own = files.filter(({ name }) => name.startsWith("onnx/")).map(({ sha256 }) => sha256);
      const hash = createHash("sha256").update(own.join());
      const { seconds, bytes, calibration } = report;
      return { seconds, bytes, calibration, hash: hash.digest("hex").slice(0, 12) };
    }
    case "inspect": {
      const { files } = await inspectModel(task.model, { dtype: hostDtype });
      const weights = files.flatMap((file) => file.weights);
      return { lowest: Math.min(...weights.map(({ sparsity }) => sparsity)), weights: weights.length };
    }
    case "load": {
      const { AutoModelForCausalLM, AutoTokenizer } = await import("@huggingface/transformers");
      const tokenizer = await AutoTokenizer.from_pretrained(task.model);
      const modelClass = task.by === "us" ? withPrune(AutoModelForCausalLM) : AutoModelForCausalLM;
      const model = await modelClass.from_pretrained(task.model, { dtype: hostDtype });
      const { logits } = (await model(tokenizer("It is a truth universally acknowledged"))) as {
        logits: { data: Float32Array };
      };
      const finite = logits.data.every((logit) => Number.isFinite(Number(logit)));
      await model.dispose();
      return { finite };
    }
    default:
      return task satisfies never;
  }
}

interface Measured {
  readonly wall: number;
  readonly peak: number;
  readonly anonymous: number;
}

function inChild<T>(task: Task): T & Measured {
  const own = ["--dtype", dtype, "--threads", flags.threads, "--child", JSON.stringify(task)];
  const output = execFileSync(process.execPath, [process.argv[1] as string, ...own], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  return JSON.parse(output.trim().split("\n").at(-1) ?? "") as T & Measured;
}

// --- the table ------------------------------------------------------------------------------------

const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
const s = (seconds: number): string => `${seconds.toFixed(1)} s`;

function load(model: string, by: "stock" | "us"): string {
  const { finite, wall, peak } = inChild<{ finite: boolean }>({ kind: "load", model, by });
  const who = by === "us" ? "this package" : "stock transformers.js";
  return `loaded by ${who}: logits ${finite ? "finite" : "NOT FINITE"}, ${s(wall)}, peak ${mb(peak)}`;
}

async function main(folder: string): Promise<void> {
  const model = join(folder, `llama-${dtype}`);
  if (!existsSync(join(model, "config.json"))) await generate(CONFIG, model, MOST_DATA_FILE_BYTES);
  const copy = join(folder, "copy");
  const start = performance.now();
  await cp(model, copy, { recursive: true });
  console.log(
    `${model}; a plain copy of it takes ${s((performance.now() - start) / 1000)}; ${flags.threads} threads\n`,
  );
  rmSync(copy, { recursive: true });
  console.log("| | wall time | read, calibrate, mask, write | peak resident | not mapped | written |");
  console.log("|---|---:|---:|---:|---:|---:|");
  const out = join(folder, "pruned");
  const notes: string[] = [];
  const wanted = ROWS.filter(([label]) => label.includes(flags.only));
  for (const [label, prune] of wanted) {
    rmSync(out, { recursive: true, force: true });
    const { seconds, bytes, wall, peak, anonymous, calibration, hash } = inChild<{
      seconds: Record<"read" | "calibrate" | "mask" | "write", number>;
      bytes: { written: number };
      calibration: string;
      hash: string;
    }>({ kind: "prune", model, out, prune });
    const phases = [seconds.read, seconds.calibrate, seconds.mask, seconds.write].map((one) => one.toFixed(1));
    console.log(
      `| ${label} | ${s(wall)} | ${phases.join(", ")} s | ${mb(peak)} | ${mb(anonymous)} | ${mb(bytes.written)} |`,
    );
    if (prune.encoding === "packed") notes.push(`${label}: ${load(out, "us")}`);
    if (calibration !== "none") notes.push(`${label}: ${calibration}; files ${hash}`);
  }
  if (notes.length > 0) console.log(`\n${notes.join("\n")}`);
  if (wanted.at(-1)?.[1].encoding === "packed") return;
  const inspected = inChild<{ lowest: number; weights: number }>({ kind: "inspect", model: out });
  console.log(
    `\ninspect: ${inspected.weights} weights, sparsity at least ${inspected.lowest}, ${s(inspected.wall)}, peak ${mb(inspected.peak)}`,
  );
  console.log(load(out, "stock"));
}

if (flags.child !== undefined) console.log(JSON.stringify(await child(JSON.parse(flags.child) as Task)));
else {
  const folder = flags.folder ?? mkdtempSync(join(tmpdir(), "bench-big-"));
  try {
    await main(folder);
  } finally {
    rmSync(join(folder, "pruned"), { recursive: true, force: true });
    if (flags.folder === undefined) rmSync(folder, { recursive: true, force: true });
  }
}
