/**
 * How far the estimates of a dry run are off: each row is estimated in a fresh process and then pruned in another,
 * whose peak resident set and time are measured. Estimates take the machine as they find it, so what else runs on it
 * should stay the same in between. Needs Linux, and disk for a copy of the largest model.
 *
 *   PRUNE_MODELS=… node bench/run.mjs estimate [--methods magnitude,crepe,balanced] [--dtypes fp32,fp16,q8,q4] [--pattern 2:4] [--samples 8]
 *
 * A preset counts as a method. Without PRUNE_MODELS only models/austen-1.4m is pruned.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { estimatePrune, pruneModel } from "../src/hook/index.js";
import { PRESETS } from "../src/options/presets.js";

const { values: flags } = parseArgs({
  options: {
    methods: { type: "string", default: "magnitude,crepe,balanced" },
    dtypes: { type: "string", default: "fp32,fp16,q8,q4" },
    models: { type: "string", default: "smollm2-135m" },
    pattern: { type: "string" },
    encoding: { type: "string" },
    samples: { type: "string" },
    child: { type: "string" },
  },
});
const PHASES = ["read", "calibrate", "mask", "update", "write"] as const;

/** Figures of one run, estimated or measured. */
interface Figures {
  /** Bytes of the process at its highest point. */
  readonly memory: number;
  readonly seconds: Readonly<Record<(typeof PHASES)[number], number | null>>;
}

interface Row {
  readonly model: string;
  readonly dtype: string;
  /** A method or a preset. */
  readonly name: string;
  readonly prune: object;
}

/** Runs in a child process. */
async function run(how: "estimate" | "prune", { model, dtype, prune }: Row): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), "bench-estimate-"));
  try {
    const options = { dtype, prune, out: join(folder, "out"), cache_dir: folder };
    if (how === "estimate") {
      const { memory, files } = await estimatePrune(model, options);
      return { memory, seconds: files[0]?.seconds as Figures["seconds"] };
    }
    const { reports } = await pruneModel(model, options);
    const peak = /VmHWM:\s*(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    return { memory: 1024 * Number(peak), seconds: reports[0]?.seconds as Figures["seconds"] };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function inChild(how: "estimate" | "prune", row: Row): Figures {
  const args = [process.argv[1] as string, "--child", JSON.stringify([how, row])];
  const text = execFileSync(process.execPath, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  return JSON.parse(text.trim().split("\n").at(-1) ?? "");
}

const total = ({ seconds }: Figures): number => PHASES.reduce((sum, phase) => sum + (seconds[phase] ?? 0), 0);
const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
const seconds = (value: number): string => value.toFixed(1);
const phasesOf = ({ seconds: of }: Figures): string => PHASES.map((phase) => seconds(of[phase] ?? 0)).join(" + ");

function rows(): Row[] {
  const kit = process.env.PRUNE_MODELS;
  const models = [
    [resolve("models/austen-1.4m"), "fp32"] as const,
    ...(kit === undefined ? [] : flags.models.split(",")).flatMap((name) =>
      flags.dtypes.split(",").map((dtype) => [join(resolve(kit as string), name), dtype] as const),
    ),
  ].filter(([model]) => existsSync(model));
  const more = {
    ...(flags.pattern !== undefined && { pattern: flags.pattern }),
    ...(flags.encoding !== undefined && { encoding: flags.encoding }),
    ...(flags.samples !== undefined && { calibration: { count: Number(flags.samples) } }),
  };
  return flags.methods
    .split(",")
    .flatMap((name) => models.map(([model, dtype]) => ({ model, dtype, name, prune: { ...named(name), ...more } })));
}

const named = (name: string) => (name in PRESETS ? { preset: name } : { method: name });

function compareAll(): void {
  const ratios: { memory: number; time: number }[] = [];
  console.log("| model | method | memory: estimated | measured | ratio | seconds: estimated | measured | ratio |");
  console.log("|---|---|---:|---:|---:|---|---|---:|");
  for (const row of rows()) {
    const [estimated, measured] = [inChild("estimate", row), inChild("prune", row)];
    const memory = estimated.memory / measured.memory;
    const time = total(estimated) / total(measured);
    ratios.push({ memory, time });
    const cells = [
      `${basename(row.model)} ${row.dtype}`,
      row.name,
      mb(estimated.memory),
      mb(measured.memory),
      memory.toFixed(2),
      `${seconds(total(estimated))} = ${phasesOf(estimated)}`,
      `${seconds(total(measured))} = ${phasesOf(measured)}`,
      time.toFixed(2),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
  const range = (all: readonly number[]) => `${Math.min(...all).toFixed(2)} to ${Math.max(...all).toFixed(2)}`;
  console.log(
    `\nestimated over measured: memory ${range(ratios.map(({ memory }) => memory))}, ` +
      `time ${range(ratios.map(({ time }) => time))}; seconds are ${PHASES.join(" + ")}`,
  );
}

if (flags.child === undefined) compareAll();
else {
  const [how, row] = JSON.parse(flags.child) as ["estimate" | "prune", Row];
  console.log(JSON.stringify(await run(how, row)));
}
