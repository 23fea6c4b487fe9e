/**
 * What packed weights cost when a model is loaded: bytes on disk, load time and peak memory of the
 * dense file with zeros, of the packed file in a stock ONNX Runtime, and of the packed file expanded
 * by us; each load in a process of its own, in turns. Logits must be the same bit for bit.
 *
 *   PRUNE_MODELS=… node bench/run.mjs packed [--dtypes fp32,fp16,q8,q4] [--prune 50%,2:4] [--repetitions 3]
 *
 * Without PRUNE_MODELS it takes models/austen-1.4m, whose 1.2 M weights say little about memory.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { textFeeds } from "../src/calibrate/index.js";
import { openMaskDevice } from "../src/compute/index.js";
import { byteLengthOf, openModel } from "../src/onnx/index.js";
import { resolvePruneOption } from "../src/options/index.js";
import { maskBySamples, openPlan, ProgressMeter } from "../src/prune/index.js";
import { writePlan } from "../src/prune/write-plan.js";
import { findPacked, unpackEdits } from "../src/rewrite/packed/index.js";
import { editedModel, type Runtime } from "../src/runtime/index.js";
import { median } from "./figures/median.js";

const { values: flags } = parseArgs({
  options: {
    dtypes: { type: "string", default: "fp32,fp16" },
    prune: { type: "string", default: "50%,2:4" },
    repetitions: { type: "string", default: "3" },
    load: { type: "string" },
    how: { type: "string", default: "stock" },
  },
});
const model = resolve(process.env.PRUNE_MODELS ?? "models", process.env.PRUNE_MODELS ? "smollm2-135m" : "austen-1.4m");
const SUFFIX: Readonly<Record<string, string>> = { fp32: "", q8: "_quantized" };
const MEGABYTE = 1e6;

/** One load in a fresh process. */
interface Load {
  readonly seconds: number;
  /** Seconds of all cores that it took, which other processes hardly change. */
  readonly cpu: number;
  /** Peak and present resident set of the process after loading, less that before, in bytes. */
  readonly peak: number;
  readonly kept: number;
  /** Of the logits of a few tokens. */
  readonly hash: string;
}

const runtime: Runtime = {
  open: () => Promise.reject(new Error("nothing is calibrated")),
  tensor: (type, data, dims) => new Tensor(type as "float32", data as Float32Array, dims),
};

/** A figure of this process in bytes; the peak is since it began. Linux only. */
const memory = (figure: "VmHWM" | "VmRSS"): number =>
  1024 * Number(new RegExp(`${figure}:\\s+(\\d+)`).exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? Number.NaN);

/** Runs in a child process. @param how "stock": ONNX Runtime by path; "ours": packed weights expanded by us */
async function load(path: string, how: string): Promise<Load> {
  globalThis.gc?.();
  const before = memory("VmRSS");
  const [start, cpuBefore] = [performance.now(), process.cpuUsage()];
  const session = how === "ours" ? await openExpanded(path) : await InferenceSession.create(path, QUIET);
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  globalThis.gc?.();
  const [peak, kept] = [memory("VmHWM") - before, memory("VmRSS") - before];
  const outputs = await session.run(textFeeds(runtime, session, [[1, 2, 3, 4, 5, 6, 7, 8]], path) as never);
  const { data } = outputs.logits as unknown as { data: Float32Array };
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { seconds, cpu: (user + system) / 1e6, peak, kept, hash: createHash("sha256").update(bytes).digest("hex") };
}

const QUIET = { logSeverityLevel: 3 } as const;

async function openExpanded(path: string): Promise<InferenceSession> {
  const onnx = await openModel(path);
  const { bytes, sessionOptions } = await editedModel(onnx, unpackEdits(onnx, await findPacked(onnx)), QUIET);
  await onnx.close();
  return InferenceSession.create(bytes, sessionOptions);
}

const openDevice = () => openMaskDevice({ wanted: "cpu", hostGpu: async () => null });

/** Writes a pruned file into the folder. */
async function write(file: string, prune: string, encoding: "dense" | "packed", folder: string) {
  const how = prune.endsWith("%") ? { sparsity: Number.parseFloat(prune) / 100 } : { pattern: prune };
  const options = resolvePruneOption({ method: "magnitude", ...how, encoding }).forFile("model");
  if (options === null) throw new Error("nothing to prune");
  const plan = await openPlan({ input: file, name: encoding }, options);
  const meter = new ProgressMeter(undefined, "model", { calibrated: false, updated: false, passes: 1 });
  const services = { runtime, sessionOptions: {}, tokenizer: () => Promise.reject(new Error("no text")), openDevice };
  const [done] = await maskBySamples([plan], services, () => meter);
  if (done === undefined) throw new Error("no masks");
  const streams = new Map<string, ReturnType<typeof createWriteStream>>();
  const sink = {
    write: async (name: string, chunk: Uint8Array) => {
      const stream = streams.get(name) ?? createWriteStream(join(folder, name));
      streams.set(name, stream);
      if (!stream.write(chunk)) await once(stream, "drain");
    },
  };
  const written = await writePlan(plan, done.masked, sink, meter);
  for (const stream of streams.values()) await once(stream.end(), "close");
  await plan.model.onnx.close();
  return written;
}

function inChild(path: string, how: string): Load {
  const args = ["--expose-gc", fileURLToPath(import.meta.url), "--load", path, "--how", how];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }).trim().split("\n").at(-1) ?? "") as Load;
}

async function compare(dtype: string, prune: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "bench-packed-"));
  try {
    const file = join(model, "onnx", `model${SUFFIX[dtype] ?? `_${dtype}`}.onnx`);
    const dense = await write(file, prune, "dense", folder);
    const packed = await write(file, prune, "packed", folder);
    const stored = [...packed.stored.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    const whole = [...packed.stored.keys()].reduce(
      (sum, { tensor }) => sum + byteLengthOf(tensor.dataType, tensor.dims),
      0,
    );
    const share = ((100 * stored) / whole).toFixed(2);
    console.log(`\n${dtype}, magnitude ${prune}: pruned weights packed to ${share}% of ${mb(whole)}`);
    console.log(
      `file: dense ${mb(dense.bytes)} written in ${dense.seconds.toFixed(1)} s, packed ${mb(packed.bytes)} in ${packed.seconds.toFixed(1)} s`,
    );
    const ways = [
      ["dense, stock runtime", "dense", "stock"],
      ["packed, stock runtime", "packed", "stock"],
      ["packed, expanded by us", "packed", "ours"],
    ] as const;
    const loads = ways.map((): Load[] => []);
    for (let i = 0; i < Number(flags.repetitions); i++)
      for (const [w, [, name, how]] of ways.entries()) loads[w]?.push(inChild(join(folder, `${name}.onnx`), how));
    const base = median((loads[0] ?? []).map(({ cpu }) => cpu));
    for (const [w, [label]] of ways.entries()) {
      const of = (pick: (load: Load) => number) => median((loads[w] ?? []).map(pick));
      const cpu = of((one) => one.cpu);
      const seconds = of((one) => one.seconds).toFixed(2);
      const figures = `${seconds} s, ${cpu.toFixed(2)} s of CPU (${(cpu / base).toFixed(1)} x), peak +${mb(of((one) => one.peak))}, then +${mb(of((one) => one.kept))}`;
      console.log(`  ${label.padEnd(24)} ${figures}`);
    }
    const hashes = new Set(loads.flat().map(({ hash }) => hash));
    console.log(`  logits ${hashes.size === 1 ? "are the same bit for bit" : `DIFFER: ${hashes.size} versions`}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const mb = (bytes: number): string => `${(bytes / MEGABYTE).toFixed(0)} MB`;

if (flags.load !== undefined) console.log(JSON.stringify(await load(flags.load, flags.how)));
else
  for (const dtype of flags.dtypes.split(",")) for (const prune of flags.prune.split(",")) await compare(dtype, prune);
