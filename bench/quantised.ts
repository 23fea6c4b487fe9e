/**
 * What pruning a quantised file takes against its float32 twin, in turns, each in a process of its own:
 * seconds of each phase, and peak memory against a dense session of the same file, loaded, and loaded
 * and run on one window of the calibration's length.
 *
 *   PRUNE_MODELS=… node bench/run.mjs quantised [--model smollm2-135m] [--dtypes fp32,q4,q8] [--repetitions 3]
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { pipeline, type TextGenerationPipeline } from "@huggingface/transformers";
import { pruneModel } from "../src/hook/index.js";
import type { PruneReport } from "../src/report.js";
import { median } from "./figures/median.js";

const { values: flags } = parseArgs({
  options: {
    model: { type: "string", default: "smollm2-135m" },
    dtypes: { type: "string", default: "fp32,q4,q8" },
    prune: { type: "string", default: '{"method":"ria","sparsity":0.5};{"method":"crepe","pattern":"2:4"}' },
    repetitions: { type: "string", default: "3" },
    child: { type: "string" },
    dtype: { type: "string", default: "fp32" },
    folder: { type: "string", default: "" },
  },
});
const model = resolve(process.env.PRUNE_MODELS ?? "models", flags.model);
const LENGTH = 512;

/** One run in a fresh process. */
interface Run {
  readonly seconds: number;
  /** Peak resident set in MB. */
  readonly peak: number;
  readonly phases: PruneReport["seconds"] | null;
}

async function child(kind: string): Promise<Run> {
  const options = { dtype: flags.dtype as "fp32", local_files_only: true } as const;
  const start = performance.now();
  let phases: PruneReport["seconds"] | null = null;
  if (kind === "prune") {
    const prune = JSON.parse(flags.prune);
    const { reports } = await pruneModel(model, { ...options, prune, out: join(flags.folder, "out"), force: true });
    phases = reports[0]?.seconds ?? null;
  } else {
    const generate = (await pipeline("text-generation", model, options)) as TextGenerationPipeline;
    if (kind === "run") {
      const { Tensor } = await import("@huggingface/transformers");
      const ids = new Tensor(
        "int64",
        BigInt64Array.from({ length: LENGTH }, (_, i) => BigInt(i + 5)),
        [1, LENGTH],
      );
      const attention_mask = new Tensor("int64", new BigInt64Array(LENGTH).fill(1n), [1, LENGTH]);
      await generate.model({ input_ids: ids, attention_mask });
    }
  }
  return { seconds: (performance.now() - start) / 1000, peak: process.resourceUsage().maxRSS / 1000, phases };
}

function start(kind: string, dtype: string, prune: string, folder: string): Run {
  const own = ["--child", kind, "--model", flags.model, "--dtype", dtype, "--prune", prune, "--folder", folder];
  const args = [process.argv[1] as string, ...own];
  const answer = execFileSync(process.execPath, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  return JSON.parse(answer) as Run;
}

function compare(): void {
  const dtypes = flags.dtypes.split(",");
  const repetitions = Array.from({ length: Number(flags.repetitions) });
  const folder = mkdtempSync(join(tmpdir(), "bench-quantised-"));
  try {
    const sessions = new Map(
      dtypes.map((dtype) => [
        dtype,
        { load: start("load", dtype, "{}", folder), run: start("run", dtype, "{}", folder) },
      ]),
    );
    console.log(
      "| prune | dtype | seconds | of the first's | read | calibrate | mask | write | peak | of the session loaded | and run |\n|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    );
    for (const prune of flags.prune.split(";")) {
      const runs = repetitions.map(() => dtypes.map((dtype) => start("prune", dtype, prune, folder)));
      for (const [d, dtype] of dtypes.entries()) {
        const of = (figure: (run: Run, first: Run) => number) =>
          median(runs.map((round) => figure(round[d] as Run, round[0] as Run)));
        const phase = (name: keyof PruneReport["seconds"]) =>
          of(({ phases }) => phases?.[name] ?? Number.NaN).toFixed(2);
        const { load, run } = sessions.get(dtype) as { load: Run; run: Run };
        const peak = of((one) => one.peak);
        const cells = [
          prune,
          dtype,
          of(({ seconds }) => seconds).toFixed(1),
          `${of((own, first) => own.seconds / first.seconds).toFixed(2)} ×`,
          phase("read"),
          phase("calibrate"),
          phase("mask"),
          phase("write"),
          `${peak.toFixed(0)} MB`,
          `${(peak / load.peak).toFixed(2)} × ${load.peak.toFixed(0)} MB`,
          `${(peak / run.peak).toFixed(2)} × ${run.peak.toFixed(0)} MB`,
        ];
        console.log(`| ${cells.join(" | ")} |`);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (flags.child === undefined) compare();
else console.log(JSON.stringify(await child(flags.child)));
