/**
 * What must hold of a pruned folder beside its source: zeros as asked for, measured in the written bytes; every
 * kept weight as it was, unless weights were updated, and finite; every other tensor and side file untouched, so
 * that updated codes mean what they meant.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { buildModel, findTargets, resolveCoding, type Target } from "../../src/graph/index.js";
import type { PruneReport } from "../../src/index.js";
import { graphsOf, type OnnxModel, type OnnxTensor, openModel, readTensor } from "../../src/onnx/index.js";
import { decode } from "../../src/tensor/codes.mjs";
import { floatsOf } from "../../src/tensor/half.js";
import { storedDims } from "../../src/tensor/matrix.js";

/** Some steps above the smallest float16. */
const SMALLEST_SAFE = 2 ** -20;

/** What was found in one session file. */
export interface CheckedFile {
  readonly pruned: number;
  /** Smallest and largest share of zeros of a pruned weight. */
  readonly sparsity: readonly [number, number];
  /** Tensors that are not pruned, all of them as they were. */
  readonly untouched: number;
}

/**
 * Compares a session file with its source.
 *
 * @param asked share of zeros that every pruned weight must have, to one weight in a row or matrix
 * @throws Error saying what does not hold
 */
export async function checkFile(
  source: string,
  written: string,
  report: PruneReport,
  asked: number,
): Promise<CheckedFile> {
  const [before, after] = [await openModel(source), await openModel(written)];
  try {
    const isUpdated = report.reconstruct !== null || report.repair.length > 0;
    const reported = new Map(report.weights.map((weight) => [weight.name, weight]));
    const targets = findTargets(buildModel(before)).targets.filter(({ name }) => reported.has(name));
    const twins = new Map(findTargets(buildModel(after)).targets.map((target) => [target.name, target]));
    const sparsities: number[] = [];
    for (const target of targets) {
      const [dense, pruned] = [await valuesOf(target), await valuesOf(twins.get(target.name) as Target)];
      let [zeros, wereZero] = [0, 0];
      for (const [i, value] of pruned.entries()) {
        if (value === 0) zeros++;
        else if (!Number.isFinite(value)) throw new Error(`${target.name}: element ${i} is ${value}`);
        else if (!isUpdated && value !== dense[i]) throw new Error(`${target.name}: element ${i} changed`);
        // Values at the end of a half float's range may fall out of it when they move.
        if (dense[i] === 0 || (isUpdated && Math.abs(dense[i] as number) < SMALLEST_SAFE)) wereZero++;
      }
      const sparsity = zeros / pruned.length;
      const told = reported.get(target.name)?.sparsity ?? Number.NaN;
      if (Math.abs(sparsity - told) > 1e-9) throw new Error(`${target.name}: ${sparsity} zeros, ${told} reported`);
      // Weights that were zero before come on top; a row of odd length keeps one more.
      const slack = wereZero / pruned.length + 1 / target.shape.in;
      if (sparsity < asked - 1 / target.shape.in || sparsity > asked + slack)
        throw new Error(`${target.name}: ${sparsity} zeros where ${asked} were asked for`);
      sparsities.push(sparsity);
    }
    if (targets.length !== report.weights.length) throw new Error("the report names weights that are not there");
    const changed = new Set(targets.map(({ tensor }) => tensor.name));
    const untouched = await compareTensors(before, after, changed);
    return { pruned: targets.length, sparsity: [Math.min(...sparsities), Math.max(...sparsities)], untouched };
  } finally {
    await Promise.all([before.close(), after.close()]);
  }
}

async function valuesOf(target: Target): Promise<Float32Array> {
  const coding = await resolveCoding(target);
  const bytes = await readTensor(target.tensor);
  if (coding.kind === "float") return floatsOf(bytes.slice(), coding.dtype);
  return decode(bytes, coding, ...storedDims(target.shape, target.order));
}

/** @returns the number of tensors beside those in `changed`, every one with the same bytes in both files */
async function compareTensors(before: OnnxModel, after: OnnxModel, changed: ReadonlySet<string>): Promise<number> {
  const [old, now] = [tensorsOf(before), tensorsOf(after)];
  if (old.length !== now.length) throw new Error(`${old.length} tensors became ${now.length}`);
  let untouched = 0;
  for (const [i, tensor] of old.entries()) {
    if (changed.has(tensor.name)) continue;
    const twin = now[i] as OnnxTensor;
    if (Buffer.compare(await readTensor(tensor), await readTensor(twin)) !== 0)
      throw new Error(`${tensor.name} changed`);
    untouched++;
  }
  return untouched;
}

/** Initializers and tensors in attributes, of all graphs. Those of Constant nodes are called as their value. */
function tensorsOf(model: OnnxModel): OnnxTensor[] {
  return [...graphsOf(model.graph)].flatMap((graph) => [
    ...graph.initializers,
    ...graph.nodes.flatMap(({ attributes }) => attributes.flatMap(({ tensor }) => (tensor === null ? [] : [tensor]))),
  ]);
}

/** @throws Error where a file beside `onnx/` differs; what the config tells the host of its files may */
export function checkSideFiles(source: string, written: string): void {
  for (const entry of readdirSync(written, { withFileTypes: true })) {
    const { name } = entry;
    if (!entry.isFile() || name === "prune.json" || name.startsWith(".")) continue;
    const [before, after] = [source, written].map((folder) => readFileSync(join(folder, name))) as [Buffer, Buffer];
    const isSame =
      name === "config.json" ? withoutHostConfig(before) === withoutHostConfig(after) : before.equals(after);
    if (!isSame) throw new Error(`${name} changed`);
  }
}

function withoutHostConfig(config: Buffer): string {
  const { "transformers.js_config": _, ...rest } = JSON.parse(config.toString()) as Record<string, unknown>;
  return JSON.stringify(rest);
}
