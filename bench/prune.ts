/**
 * What pruning a real model takes, against PyTorch on the same cores with the same number of threads
 * and the same weights, in turns: masks alone; the whole prune phase with reading and writing; first
 * and cached load against a dense load; peak memory.
 *
 *   PRUNE_MODELS=… PYTHON=python3 node bench/run.mjs prune [--repetitions 5]
 *
 * Without PRUNE_MODELS it takes models/austen-1.4m, whose 1.2 M weights say little about speed.
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { createCpuDevice } from "../src/compute/cpu/index.js";
import { pipeline, pruneModel } from "../src/hook/index.js";
import { resolvePruneOption } from "../src/options/index.js";
import {
  type Collect,
  computeMasks,
  onDevice,
  openPlan,
  type Plan,
  ProgressMeter,
  writeEntry,
} from "../src/prune/index.js";
import type { PruneReport } from "../src/report.js";
import { FolderDraft } from "../src/store/folders.js";
import { median } from "./figures/median.js";

const { values: flags } = parseArgs({
  options: {
    repetitions: { type: "string", default: "5" },
    child: { type: "string" },
    folder: { type: "string", default: "" },
  },
});
const model = resolve(process.env.PRUNE_MODELS ?? "models", process.env.PRUNE_MODELS ? "smollm2-135m" : "austen-1.4m");
const file = join(model, "onnx", "model.onnx");
const threads = Math.min(availableParallelism(), 8);
const CREPE = { row: 0.35, column: 0.35, window: 0.3, size: 7, power: 0.5 };
const ROWS = [
  { method: "ria", pattern: "2:4" },
  { method: "crepe", pattern: "2:4", coefficients: CREPE },
  { method: "ria", sparsity: 0.5, scope: "matrix" },
  { method: "crepe", sparsity: 0.5, scope: "row", coefficients: CREPE },
] as const;

// --- our side -----------------------------------------------------------------------------------

const plan = async (prune: object): Promise<Plan> => {
  const resolved = resolvePruneOption(prune).forFile("model");
  if (resolved === null) throw new Error("nothing to prune");
  return openPlan({ input: file, name: "model" }, resolved);
};

/** Norms of input channels, made up but the same on both sides. */
const normOf = (channels: number) => Float64Array.from({ length: channels }, (_, i) => 0.1 + ((i * 7919) % 997) / 997);
const collect: Collect = async (plans) =>
  new Map(
    plans.map((one) => [
      one,
      new Map(
        one.targets.map((target) => {
          const norm = normOf(target.shape.in);
          return [target, { tokens: 1, sum: norm, sumOfSquares: norm.map((value) => value * value) }];
        }),
      ),
    ]),
  );
const silent = (one: Plan) => new ProgressMeter(undefined, one.name, { calibrated: true, updated: false, passes: 1 });

/** Seconds of masks alone, and of the whole phase: open, mask, write. */
async function prune(option: object, out: string): Promise<{ masks: number; phase: number }> {
  const device = createCpuDevice({ threads });
  const start = performance.now();
  const one = await plan(option);
  try {
    const masked = (await computeMasks([one], collect, onDevice(device), silent)).get(one);
    if (masked === undefined) throw new Error("no masks");
    const key = { key: "", source: {}, options: {}, seconds: 0 };
    const files = [{ plan: one, masked, calibration: "", meter: silent(one), device: "cpu", notes: [] }];
    await writeEntry({ draft: await FolderDraft.create(out), subfolder: "onnx", key, files, runBy: {} });
    return { masks: masked.seconds.mask, phase: (performance.now() - start) / 1000 };
  } finally {
    await one.model.onnx.close();
    await device.close();
  }
}

// --- PyTorch ------------------------------------------------------------------------------------

async function startTorch(
  folder: string,
): Promise<{ run: (option: object) => Promise<{ masks: number; phase: number }>; stop: () => void; version: string }> {
  const one = await plan({ method: "magnitude", sparsity: 0.5 });
  const { graph } = one.model.onnx;
  const targets = new Set(one.targets.map(({ tensor }) => tensor));
  const tensors = graph.initializers.flatMap((tensor) =>
    tensor.data.kind === "raw" && tensor.dims.length === 2 && tensor.dataType === 1
      ? [{ offset: tensor.data.payload.offset, shape: tensor.dims, target: targets.has(tensor) }]
      : [],
  );
  const channels = [...new Set(one.targets.map(({ shape }) => shape.in))];
  const norms = Object.fromEntries(channels.map((count) => [count, [...normOf(count)]]));
  await one.model.onnx.close();
  const layout = join(folder, "layout.json");
  writeFileSync(layout, JSON.stringify({ file, tensors, norms, crepe: CREPE, out: join(folder, "torch.pt") }));
  const script = resolve("bench/prune_torch.py");
  const child = spawn(process.env.PYTHON ?? "python3", [script, layout, String(threads)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async () => JSON.parse(String((await lines.next()).value ?? "{}"));
  const { torch: version } = (await next()) as { torch: string };
  const run = async (option: object) => {
    child.stdin.write(`${JSON.stringify(option)}\n`);
    return next();
  };
  return { run, stop: () => child.kill(), version };
}

// --- loads, each in a process of its own ----------------------------------------------------------

interface Load {
  readonly seconds: number;
  /** Peak resident set, in MB. */
  readonly peak: number;
  readonly report: PruneReport | null;
}

async function child(kind: string, folder: string): Promise<Load> {
  let report: PruneReport | null = null;
  const options = { dtype: "fp32", local_files_only: true, cache_dir: folder } as const;
  const start = performance.now();
  if (kind === "export")
    report =
      (await pruneModel(model, { prune: { preset: "fast", pattern: "2:4" }, out: join(folder, "export"), force: true }))
        .reports[0] ?? null;
  else {
    const onReport = (given: PruneReport) => {
      report = given;
    };
    const given = kind === "dense" ? {} : { prune: { preset: "fast" as const, pattern: "2:4", onReport } };
    await pipeline("text-generation", model, { ...options, ...given });
  }
  return { seconds: (performance.now() - start) / 1000, peak: process.resourceUsage().maxRSS / 1000, report };
}

function load(kind: string, folder: string): Load {
  const args = [process.argv[1] as string, "--child", kind, "--folder", folder];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
}

// --- the tables -----------------------------------------------------------------------------------

const s = (value: number): string => `${value.toFixed(2)} s`;
const name = ({ method, ...rest }: (typeof ROWS)[number]): string =>
  `${method}, ${"pattern" in rest ? rest.pattern : `${100 * rest.sparsity}% by ${rest.scope}`}`;

async function compareWithTorch(folder: string, repetitions: number): Promise<void> {
  const torch = await startTorch(folder);
  try {
    console.log(
      `\n${model}, ${(statSync(file).size / 1e6).toFixed(0)} MB; PyTorch ${torch.version}, ${threads} threads each, medians of ${repetitions}\n`,
    );
    console.log(
      "| | masks: ours | PyTorch | ratio | whole phase: ours | PyTorch with saving | ratio |\n|---|---:|---:|---:|---:|---:|---:|",
    );
    for (const row of ROWS) {
      const ours: { masks: number; phase: number }[] = [];
      const theirs: { masks: number; phase: number }[] = [];
      for (let i = 0; i <= repetitions; i++) {
        ours.push(await prune(row, join(folder, "ours")));
        theirs.push(await torch.run(row));
      }
      const cells = (["masks", "phase"] as const).flatMap((figure) => {
        // The first of each warms up.
        const [a, b] = [ours, theirs].map((all) => all.slice(1).map((one) => one[figure])) as [number[], number[]];
        return [s(median(a)), s(median(b)), `${median(b.map((value, i) => value / (a[i] as number))).toFixed(2)}×`];
      });
      console.log(`| ${name(row)} | ${cells.join(" | ")} |`);
    }
  } finally {
    torch.stop();
  }
}

function compareLoads(folder: string, repetitions: number): void {
  const rounds = Array.from({ length: repetitions + 1 }, (_, i) => {
    const cache = join(folder, `cache${i}`);
    const round = {
      dense: load("dense", cache),
      first: load("pruned", cache),
      second: load("pruned", cache),
      export: load("export", cache),
    };
    rmSync(cache, { recursive: true, force: true });
    return round;
  }).slice(1);
  const of = (figure: (round: (typeof rounds)[number]) => number) => median(rounds.map(figure));
  const parts = ({ first: { report } }: (typeof rounds)[number]) => report?.seconds.total ?? 0;
  console.log("\n| in a process of its own | seconds | peak memory | against dense |\n|---|---:|---:|---|");
  const line = (what: string, kind: "dense" | "first" | "second" | "export", against: string) =>
    console.log(
      `| ${what} | ${s(of((round) => round[kind].seconds))} | ${of((round) => round[kind].peak).toFixed(0)} MB | ${against} |`,
    );
  line("dense load", "dense", "");
  line(
    "first load: calibrate, prune, cache, open",
    "first",
    `${of((r) => r.first.seconds / (r.dense.seconds + parts(r))).toFixed(2)} × (dense load + calibration + prune)`,
  );
  line("second load, cached", "second", `${of((r) => r.second.seconds / r.dense.seconds).toFixed(2)} × dense load`);
  line(
    "whole prune into a directory",
    "export",
    `${of((r) => r.export.peak / r.dense.peak).toFixed(2)} × the memory of the dense session`,
  );
}

if (flags.child !== undefined) console.log(JSON.stringify(await child(flags.child, flags.folder)));
else {
  const folder = mkdtempSync(join(tmpdir(), "bench-prune-"));
  try {
    await compareWithTorch(folder, Number(flags.repetitions));
    compareLoads(folder, Math.min(3, Number(flags.repetitions)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
