/**
 * Whole models: each is pruned as a user would do it, and what comes out is held against what was asked for. For every
 * model, dtype and pattern: a directory by `pruneModel()`, checked byte for byte (bench/models/check.ts) and loaded by
 * stock transformers.js in a process of its own; a pipeline with `prune`, whose sessions must return the same bits;
 * and for models of several sessions a map that leaves the first one dense.
 *
 *   npm run bench -- models DIR [MODEL …] [--dtypes fp32,fp16,q8,q4] [--prune 50%,2:4] [--method ria | --preset balanced]
 *
 * DIR as bench/models/build.py writes it. Prints Markdown: a table, and what stayed dense.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import * as host from "@huggingface/transformers";
import {
  type PipelineTask,
  type PruneOption,
  type PruneOptions,
  type PruneReport,
  pipeline,
  pruneModel,
  withPrune,
} from "../src/index.js";
import { checkFile, checkSideFiles } from "./models/check.js";
import { RECIPES, type Recipe } from "./models/recipes.mjs";
import { type Recording, record } from "./models/recording.mjs";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    dtypes: { type: "string", default: "fp32,fp16,q8,q4" },
    prune: { type: "string", default: "50%,2:4" },
    method: { type: "string" },
    preset: { type: "string" },
  },
});
const [directory, ...names] = positionals;
if (directory === undefined) throw new Error("name the directory that bench/models/build.py wrote");

const PATTERNS = flags.prune.split(",");
const SUFFIX: Readonly<Record<string, string>> = { fp32: "", fp16: "_fp16", q8: "_quantized", q4: "_q4" };
// npm starts benchmarks in the root of the repository.
const STOCK = resolve("bench/models/stock.mjs");

host.env.allowRemoteModels = false;
host.env.logLevel = host.LogLevel.ERROR;

/** One model in one dtype. */
interface Case {
  readonly name: string;
  readonly recipe: Recipe;
  readonly folder: string;
  readonly dtype: string;
  /** Session files without dtype. */
  readonly sessions: readonly string[];
}

/** What one dtype of a model came to. */
interface Outcome {
  readonly dtype: string;
  readonly weights: number;
  readonly parameters: number;
  readonly prunable: number;
  readonly skipped: ReadonlyMap<string, readonly string[]>;
  readonly seconds: number;
  readonly said: readonly string[];
  readonly failures: readonly string[];
}

/** Loads with `prune`, by our own functions. */
const loadPruned = (one: Case, prune: PruneOption) => {
  const options = { dtype: one.dtype, local_files_only: true, prune } as object;
  const { task, class: className = "AutoModel" } = one.recipe;
  const classes = host as unknown as Record<string, typeof host.AutoModel>;
  return task === undefined
    ? withPrune(classes[className] as typeof host.AutoModel).from_pretrained(one.folder, options)
    : pipeline(task as PipelineTask, one.folder, options);
};

async function recorded(one: Case, loaded: unknown): Promise<Recording> {
  const { dispose } = loaded as { dispose(): Promise<unknown> };
  try {
    return await record(loaded, () => one.recipe.use(loaded, one.folder));
  } finally {
    await dispose.call(loaded);
  }
}

const stock = ({ name, dtype }: Case, folder: string): Recording =>
  JSON.parse(execFileSync(process.execPath, [STOCK, name, folder, dtype], { encoding: "utf8" }).trim());

function optionsFor({ recipe, folder }: Case, pattern: string): PruneOptions {
  const how = pattern.endsWith("%") ? { sparsity: Number.parseFloat(pattern) / 100 } : { pattern };
  const calibration =
    recipe.calibratedBy === "text"
      ? { count: 4, length: 64 }
      : { run: (loaded: never) => recipe.use(loaded, folder), id: "recipe" };
  const { exclude } = recipe;
  const { preset, method = preset === undefined ? "ria" : undefined } = flags;
  return {
    ...(method && { method }),
    ...(preset && { preset }),
    ...how,
    ...(exclude && { exclude }),
    calibration,
    cache: false,
  } as PruneOptions;
}

const shareOf = (pattern: string): number => {
  const [n = 0, m = 1] = pattern.split(":").map(Number);
  return pattern.endsWith("%") ? Number.parseFloat(pattern) / 100 : 1 - n / m;
};

/** Prunes one model by one pattern in all ways; pushes what does not hold to `failures`. */
async function tryPattern(one: Case, pattern: string, dense: Recording, failures: string[], said: string[]) {
  const out = join(mkdtempSync(join(tmpdir(), "bench-models-")), "pruned");
  const prune = optionsFor(one, pattern);
  const { folder, dtype, recipe, sessions } = one;
  const file = (session: string) => `onnx/${session}${SUFFIX[dtype]}.onnx`;
  try {
    // Which pipeline it is only matters to who is given it.
    const task = recipe.calibratedBy === "text" ? undefined : (recipe.task as PipelineTask | undefined);
    const common = { dtype, out, ...(task && { task }) };
    const { reports } = await pruneModel(folder, { ...common, prune });
    for (const report of reports)
      await checkFile(
        join(folder, `onnx/${report.file}.onnx`),
        join(out, `onnx/${report.file}.onnx`),
        report,
        shareOf(pattern),
      );
    checkSideFiles(folder, out);
    const theirs = stock(one, out);
    const ours = await recorded(one, await loadPruned(one, prune));
    if (theirs.notFinite > dense.notFinite) failures.push(`${pattern}: ${theirs.notFinite} values are not finite`);
    if (theirs.hash !== ours.hash)
      failures.push(`${pattern}: stock transformers.js returns other bits than our session`);
    if (theirs.hash === dense.hash) failures.push(`${pattern}: the outputs are those of the dense model`);
    if (theirs.result !== null) said.push(`${pattern}: ${JSON.stringify(theirs.result)}`);

    // Once is enough for what depends on no pattern.
    const [first, ...rest] = pattern === PATTERNS[0] ? sessions : [];
    const pruned = new Set(
      reports.map((report) => report.file.slice(0, report.file.length - (SUFFIX[dtype] ?? "").length)),
    );
    if (first !== undefined && rest.some((session) => pruned.has(session))) {
      const map = {
        [first]: false,
        ...Object.fromEntries(rest.filter((session) => pruned.has(session)).map((session) => [session, prune])),
      };
      const { reports: some } = await pruneModel(folder, { ...common, prune: map as PruneOption, force: true });
      if (some.some((report) => report.file === `${first}${SUFFIX[dtype]}`))
        failures.push(`${pattern}: ${first} was pruned all the same`);
      if (!readFileSync(join(out, file(first))).equals(readFileSync(join(folder, file(first)))))
        failures.push(`${pattern}: ${first} changed though it stays dense`);
      if (stock(one, out).notFinite > dense.notFinite)
        failures.push(`${pattern}: with ${first} dense, values are not finite`);
    }
    return reports;
  } catch (error) {
    failures.push(`${pattern}: ${error instanceof Error ? error.message : String(error)}`);
    return [];
  } finally {
    rmSync(join(out, ".."), { recursive: true, force: true });
  }
}

async function tryDtype(one: Case): Promise<Outcome> {
  const start = performance.now();
  const [failures, said]: [string[], string[]] = [[], []];
  let reports: readonly PruneReport[] = [];
  try {
    const dense = stock(one, one.folder);
    if (dense.result !== null) said.push(`dense: ${JSON.stringify(dense.result)}`);
    for (const pattern of PATTERNS) {
      const some = await tryPattern(one, pattern, dense, failures, said);
      if (some.length > 0) reports = some;
    }
  } catch (error) {
    failures.push(`dense: ${error instanceof Error ? error.message.split("\n").slice(-6).join(" ") : String(error)}`);
  }
  const skipped = new Map<string, string[]>();
  for (const report of reports)
    for (const { name, reason } of report.skipped) skipped.set(reason, [...(skipped.get(reason) ?? []), name]);
  return {
    dtype: one.dtype,
    weights: reports.reduce((sum, { weights }) => sum + weights.length, 0),
    parameters: reports.reduce((sum, { parameters }) => sum + parameters, 0),
    prunable: reports.reduce((sum, { prunable }) => sum + prunable, 0),
    skipped,
    seconds: (performance.now() - start) / 1000,
    said,
    failures,
  };
}

const known = Object.keys(RECIPES).filter((name) => existsSync(join(directory, name, "onnx")));
const failed: string[] = [];
console.log(
  "| model | layout | session files | weights | calibrated by | pruned weights by dtype |\n|---|---|---|---|---|---|",
);
const notes: string[] = [];
for (const name of names.length > 0 ? names : known) {
  const recipe = RECIPES[name];
  const folder = resolve(directory, name);
  if (recipe === undefined)
    throw new Error(`there is no recipe for "${name}"; there are ${Object.keys(RECIPES).join(", ")}`);
  const files = readdirSync(join(folder, "onnx")).filter((file) => file.endsWith(".onnx"));
  const outcomes: Outcome[] = [];
  let sessions: string[] = [];
  for (const dtype of flags.dtypes.split(",")) {
    const others = Object.values(SUFFIX).filter((suffix) => suffix !== "");
    const stems = files.map((file) => file.slice(0, -".onnx".length));
    const suffix = SUFFIX[dtype] ?? "";
    const own = stems.filter((stem) =>
      suffix === "" ? !others.some((other) => stem.endsWith(other)) : stem.endsWith(suffix),
    );
    if (own.length === 0) continue;
    sessions = own.map((stem) => stem.slice(0, stem.length - suffix.length));
    const outcome = await tryDtype({ name, recipe, folder, dtype, sessions });
    outcomes.push(outcome);
    for (const line of outcome.failures) console.error(`${name} ${dtype}: ${line}`);
    if (outcome.failures.length > 0) failed.push(`${name} ${dtype}`);
  }
  const cells = outcomes.map(({ dtype, weights, failures }) => `${dtype} ${failures.length > 0 ? "FAILED" : weights}`);
  const { layout, weights, calibratedBy } = recipe;
  console.log(`| ${name} | ${layout} | ${sessions.join(", ")} | ${weights} | ${calibratedBy} | ${cells.join(", ")} |`);
  for (const { dtype, skipped, failures, said, seconds, prunable, parameters } of outcomes) {
    notes.push(
      `\n${name} ${dtype}: ${((100 * prunable) / parameters).toFixed(0)}% of ${parameters} parameters, ${seconds.toFixed(0)} s`,
    );
    for (const line of failures) notes.push(`  FAILED ${line}`);
    for (const line of said) notes.push(`  said ${line}`);
    for (const [reason, all] of skipped)
      notes.push(`  dense ${all.length} × ${reason} (${all.slice(0, 2).join(", ")})`);
  }
}
console.log(notes.join("\n"));
console.log(`\n${failed.length === 0 ? "all hold" : `FAILED: ${failed.join("; ")}`}`);
if (failed.length > 0) process.exitCode = 1;
