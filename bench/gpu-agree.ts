/**
 * Whether the GPU gives the masks of the CPU device on every target of a real model, with statistics of its own
 * calibration. Counts the bits that differ and holds each against true scores: it must be a tie, within one part
 * in 10^5, with what stays or goes in its place.
 *
 *   node bench/run.mjs gpu-agree MODEL_DIR [--file model.onnx] [--samples 4]
 */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { collectStatistics, openSamples, type TargetStatistics } from "../src/calibrate/index.js";
import { createCpuDevice } from "../src/compute/cpu/index.js";
import type { Device, MaskJob } from "../src/compute/index.js";
import { createWebGpuDevice } from "../src/compute/webgpu/index.js";
import { readStored } from "../src/compute/webgpu/stored-bytes.js";
import { hostRuntime, onnxRuntime } from "../src/hook/host.js";
import { loadTokenizer } from "../src/hook/location.node.js";
import { resolvePruneOption } from "../src/options/index.js";
import type { ResolvedPrune } from "../src/options/types.js";
import type { Mask } from "../src/pattern/index.js";
import { openPlan, type Plan } from "../src/prune/index.js";
import { maskJob } from "../src/prune/masks.js";
import type { MethodName } from "../src/score/index.js";
import { decode } from "../src/tensor/codes.mjs";
import { floatsOf } from "../src/tensor/half.js";
import { storageIndex, storedDims } from "../src/tensor/matrix.js";
import { openGpu } from "./gpu/open-gpu.js";
import { trueScores } from "./gpu/true-scores.js";

const TIE = 1e-5;
const CREPE = { row: 0, column: 0.54, window: 0.46, size: 31, power: 0.8 };
const PRUNES = (["magnitude", "wanda", "ria", "crepe"] as const satisfies readonly MethodName[]).flatMap((method) => {
  const given = method === "crepe" ? { method, coefficients: CREPE } : { method };
  return [{ sparsity: 0.5 }, { pattern: "2:4" }, { pattern: "4:8" }].map((pattern) => ({ ...given, ...pattern }));
});

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { file: { type: "string", default: "model.onnx" }, samples: { type: "string", default: "4" } },
});
const [given] = positionals;
if (given === undefined) throw new Error("usage: node bench/run.mjs gpu-agree MODEL_DIR");
// The host takes a relative path for an id.
const folder = resolve(given);
const calibration = { count: Number(flags.samples), length: 128 };

async function planFor(prune: object): Promise<Plan> {
  const wanted = resolvePruneOption({ calibration, ...prune }).forFile("model") as ResolvedPrune;
  return openPlan({ input: join(folder, "onnx", flags.file), name: "model" }, wanted);
}

/** Statistics by the target's name: every plan has targets of its own. */
async function calibrate(plan: Plan): Promise<ReadonlyMap<string, ReturnType<TargetStatistics["get"]>>> {
  const tokenizer = await loadTokenizer(folder, null, { local_files_only: true });
  const samples = await openSamples(plan.options.calibration, async () => tokenizer, "model");
  const runtime = hostRuntime((bytes, given) => onnxRuntime().InferenceSession.create(bytes, given));
  const options = { runtime, sessionOptions: {}, edits: {} };
  const statistics = await collectStatistics(plan.model, plan.targets, samples, options, {});
  return new Map(plan.targets.map((target) => [target.name, statistics.get(target)]));
}

async function valuesOf({ label, bytes, dtype, shape, order }: MaskJob): Promise<Float32Array> {
  const [rows, columns] = storedDims(shape, order);
  if (bytes.kind !== "codes") return floatsOf(new Uint8Array(await readStored(label, bytes)), dtype);
  return decode(await readStored(label, bytes.stored), await bytes.coding(), rows, columns);
}

/** Bits that differ, and the largest distance of their scores from a tie. */
async function compare(job: MaskJob, cpu: Mask, gpu: Mask): Promise<{ differing: number; distance: number }> {
  const { shape, order, pattern } = job;
  const { out, in: channels } = shape;
  const sets = new Map<number, { kept: number[]; gone: number[] }>();
  let [differing, score] = [0, undefined as ReturnType<typeof trueScores> | undefined];
  if (cpu.bits.every((byte, k) => byte === gpu.bits[k])) return { differing: 0, distance: 0 };
  for (let o = 0; o < out; o++)
    for (let i = 0; i < channels; i++) {
      const k = storageIndex(shape, order, o, i);
      const [byCpu, byGpu] = [cpu.bits, gpu.bits].map((bits) => ((bits[k >> 3] as number) >> (k & 7)) & 1);
      if (byCpu === byGpu) continue;
      differing++;
      score ??= trueScores(await valuesOf(job), shape, order, job.terms, job.channelFactor);
      const set =
        pattern.kind === "n:m" ? Math.floor((o * channels + i) / pattern.of) : pattern.scope === "row" ? o : 0;
      const own = sets.get(set) ?? { kept: [], gone: [] };
      sets.set(set, own);
      (byGpu === 1 ? own.kept : own.gone).push(score(o, i));
    }
  const distances = [...sets.values()].map(({ kept, gone }) => {
    if (kept.length !== gone.length) return Number.POSITIVE_INFINITY;
    const [high, low] = [Math.max(...kept, ...gone), Math.min(...kept, ...gone)];
    return high > 0 ? (high - low) / high : 0;
  });
  return { differing, distance: Math.max(0, ...distances) };
}

async function maskAll(device: Device, jobs: readonly MaskJob[]): Promise<{ masks: Mask[]; seconds: number }> {
  const start = performance.now();
  const masks = await Promise.all(jobs.map((job) => device.computeMask(job)));
  return { masks, seconds: (performance.now() - start) / 1000 };
}

const gpu = await openGpu();
const devices = { cpu: createCpuDevice(), webgpu: createWebGpuDevice({ acquire: async () => gpu }) };
console.log(`GPU: ${gpu.description}; ${folder}, ${flags.file}`);
console.log(["method", "pattern", "weights", "bits", "differ", "farthest from a tie", "cpu s", "webgpu s"].join("\t"));
let isAgreed = true;
const first = await planFor({ method: "wanda", sparsity: 0.5 });
const statistics = await calibrate(first);
await first.model.onnx.close();
for (const prune of PRUNES) {
  const plan = await planFor(prune);
  const jobs = plan.targets.map((target) => maskJob(plan, target, statistics.get(target.name)));
  const [byCpu, byGpu] = [await maskAll(devices.cpu, jobs), await maskAll(devices.webgpu, jobs)];
  let [bits, differing, distance] = [0, 0, 0];
  for (const [k, job] of jobs.entries()) {
    const found = await compare(job, byCpu.masks[k] as Mask, byGpu.masks[k] as Mask);
    bits += job.shape.out * job.shape.in;
    differing += found.differing;
    distance = Math.max(distance, found.distance);
  }
  isAgreed &&= distance <= TIE;
  const { pattern } = plan;
  const name =
    pattern.kind === "n:m" ? `${pattern.keep}:${pattern.of}` : `${100 * pattern.sparsity}% by ${pattern.scope}`;
  const seconds = [byCpu.seconds.toFixed(1), byGpu.seconds.toFixed(1)];
  console.log([prune.method, name, jobs.length, bits, differing, distance.toExponential(1), ...seconds].join("\t"));
  await plan.model.onnx.close();
}
for (const device of Object.values(devices)) await device.close();
console.log(isAgreed ? "all disagreements are ties within 1e-5" : "NOT all disagreements are ties within 1e-5");
process.exit(isAgreed ? 0 : 1);
