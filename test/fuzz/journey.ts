/**
 * The way of a model file through everything that a user can reach without a runtime: open, find
 * layers, inspect, plan taps, cut into parts, prune by magnitude, write, open again. Each step may refuse the file
 * with a `PruneError`; nothing else may happen, and what was written must be what was reported.
 */
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { planTaps } from "../../src/calibrate/index.js";
import type { Device } from "../../src/compute/index.js";
import { PruneError } from "../../src/errors.js";
import {
  buildModel,
  cutIntoParts,
  findTargets,
  findWritableTargets,
  resolveCoding,
  type Target,
} from "../../src/graph/index.js";
import {
  type ExternalFile,
  type ModelInput,
  type ModelSink,
  type OnnxModel,
  openModel,
  readTensor,
  serializeModel,
  viewOf,
  writeModel,
} from "../../src/onnx/index.js";
import { resolvePruneOption } from "../../src/options/index.js";
import type { ResolvedPrune } from "../../src/options/types.js";
import {
  computeMasks,
  type ModelFile,
  onDevice,
  openPlan,
  ProgressMeter,
  parametersOf,
} from "../../src/prune/index.js";
import { writePlan } from "../../src/prune/write-plan.js";
import { fingerprintOf } from "../../src/registry/family.js";
import { countZeroValues } from "../../src/rewrite/index.js";
import { findPacked, unpackEdits } from "../../src/rewrite/packed/index.js";
import { editedModel } from "../../src/runtime/index.js";

/** A mutant as a folder holds it. */
export interface Mutant {
  readonly model: Uint8Array;
  /** Data files by location; text is the target of a symbolic link. */
  readonly data: ReadonlyMap<string, Uint8Array | string>;
}

/** How the model is handed over, and what is asked for. */
export interface Way {
  readonly from: "memory" | "blob" | "disk";
  readonly prune: "half" | "2:4" | "everything";
  /** Everything into data files, instead of the layout that the model has. */
  readonly external: boolean;
  /** Weights are packed where that makes them smaller. */
  readonly packed: boolean;
}

/** How far a model came. */
export interface Outcome {
  readonly reached: "nothing" | "opened" | "inspected" | "pruned";
  /** Code of the refusal that ended the way; null where nothing did. */
  readonly refused: string | null;
  /** Weights pruned and read again. */
  readonly pruned: number;
}

/** Something that must not happen although no foreign error was thrown. */
export class BrokenPromise extends Error {
  override readonly name = "BrokenPromise";
}

const OPTIONS = {
  half: { method: "magnitude", sparsity: 0.5 },
  "2:4": { method: "magnitude", pattern: "2:4" },
  everything: { method: "magnitude", sparsity: 0.5, include: ["**"] },
} as const;

/** Bound of the parts that a mutant is cut into: several, of all but the smallest models. */
const SMALL_PART_BYTES = 4096;

/**
 * Takes a mutant all the way.
 *
 * @param folder empty, for the files of a mutant on disk and its symbolic links
 * @throws whatever is no refusal: a foreign error, a `BrokenPromise`
 */
export async function travel(mutant: Mutant, way: Way, device: Device, folder: string): Promise<Outcome> {
  const file = await handOver(mutant, way.from, folder);
  let reached: Outcome["reached"] = "nothing";
  const onOpen = (): void => {
    reached = "opened";
  };
  const inspection = await refusalOf(() => inspect(file, onOpen));
  if (inspection === null) reached = "inspected";
  // Nobody need inspect a file before it is pruned, so what inspection refuses goes on.
  let pruned = 0;
  const refused = await refusalOf(async () => {
    pruned = await prune(file, way, device);
  });
  return { reached: refused === null ? "pruned" : reached, refused, pruned };
}

/** Code of the refusal in which a step ended; null where it came to its end. @throws whatever else it ends in */
async function refusalOf(step: () => Promise<unknown>): Promise<string | null> {
  try {
    await step();
    return null;
  } catch (error) {
    if (!(error instanceof PruneError)) throw error;
    // The device reports failures of its threads in a PruneError; of these only the size is the model's doing.
    if (error.code === "device" && !error.message.includes("WebAssembly has")) throw error;
    return error.code;
  }
}

async function handOver({ model, data }: Mutant, from: Way["from"], folder: string): Promise<ModelFile> {
  if (from === "disk") {
    await write(folder, "model.onnx", model);
    for (const [location, content] of data) await write(folder, location, content);
    return { input: join(folder, "model.onnx"), name: "model" };
  }
  const input: ModelInput = from === "memory" ? model : new Blob([new Uint8Array(model)]);
  const externalData: ExternalFile[] = [];
  for (const [path, content] of data)
    if (typeof content !== "string") externalData.push({ path, data: new Uint8Array(content) });
  return { input, externalData, name: "model" };
}

/** Files of the corpus have harmless names; what hostile ones do is for the model to try. */
async function write(folder: string, name: string, content: Uint8Array | string): Promise<void> {
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true });
  if (typeof content === "string") await symlink(content, path);
  else await writeFile(path, content);
}

/** What inspectModel() and calibration do with a file, up to where the runtime begins. */
async function inspect({ input, externalData, name }: ModelFile, onOpen: () => void): Promise<void> {
  const onnx = await openModel(input, { ...(typeof input !== "string" && { name }), externalData: externalData ?? [] });
  try {
    onOpen();
    await copyUntouched(onnx);
    const model = buildModel(onnx);
    findTargets(model);
    const { targets } = await findWritableTargets(model);
    parametersOf(model);
    await refusalOf(() => fingerprintOf(targets));
    await refusalOf(async () => {
      const { edits } = planTaps(model, targets, { padding: true, keepOutputs: false });
      const { bytes } = await editedModel(onnx, edits, { externalData: [] });
      // Skeletons refer to files that only the runtime finds; the graph alone must be whole.
      await refusalOf(async () => void buildModel(await openModel(bytes)));
    });
    await refusalOf(async () => void cutIntoParts(model, { values: [], nodes: model.graph.nodes }, SMALL_PART_BYTES));
    for (const target of targets) await zerosIn(target);
    await expand(onnx);
  } finally {
    await onnx.close();
  }
}

/** What inspectModel() and the runtime are given of packed weights. */
async function expand(onnx: OnnxModel): Promise<void> {
  const edits = unpackEdits(onnx, await findPacked(onnx));
  await refusalOf(() => serializeModel(onnx, edits));
  const { targets } = await findWritableTargets(buildModel(viewOf(onnx, edits)));
  for (const target of targets) await zerosIn(target);
}

/** A model that opens can be written, and is then what it was. */
async function copyUntouched(onnx: OnnxModel): Promise<void> {
  const files = new MemorySink();
  await refusalOf(() => writeModel(onnx, {}, files, { fileName: "model.onnx" }));
  const written = files.bytesOf("model.onnx");
  if (written === null || [...onnx.externalSources.keys()].length > 0) return;
  const source = await onnx.source.read(0, onnx.source.size);
  if (Buffer.compare(source, written) !== 0) throw new BrokenPromise("an untouched model was written with other bytes");
}

async function zerosIn(target: Target): Promise<number> {
  return countZeroValues(await readTensor(target.tensor), await resolveCoding(target), target);
}

/** Prunes, writes, opens again and compares. Returns the number of weights. */
async function prune(file: ModelFile, { prune, external, packed }: Way, device: Device): Promise<number> {
  const encoding = packed ? "packed" : "dense";
  const options = resolvePruneOption({ ...OPTIONS[prune], encoding }).forFile("model") as ResolvedPrune;
  const plan = await openPlan(file, options);
  try {
    const meter = ProgressMeter.of(plan, undefined);
    const masked = await computeMasks(
      [plan],
      () => Promise.reject(new BrokenPromise("calibrates")),
      onDevice(device),
      () => meter,
    );
    const sink = new MemorySink();
    const own = masked.get(plan);
    if (own === undefined) throw new BrokenPromise("a plan got no masks");
    const { zerosOf } = await writePlan(plan, own, sink, meter);
    const written = await sink.open("model.onnx");
    try {
      await compare(plan.targets, zerosOf, written);
      if (external) await moveOut(written);
    } finally {
      await written.close();
    }
    return plan.targets.length;
  } finally {
    await plan.model.onnx.close();
  }
}

/** The written file holds the same weights, with the zeros that the report says. */
async function compare(targets: readonly Target[], zerosOf: ReadonlyMap<Target, number>, written: OnnxModel) {
  const expanded = viewOf(written, unpackEdits(written, await findPacked(written)));
  const found = new Map((await findWritableTargets(buildModel(expanded))).targets.map((one) => [one.name, one]));
  for (const target of targets) {
    const again = found.get(target.name);
    if (again === undefined) throw new BrokenPromise(`weight "${target.name}" is gone from the written file`);
    const [counted, reported] = [await zerosIn(again), zerosOf.get(target)];
    if (counted !== reported)
      throw new BrokenPromise(`weight "${target.name}" holds ${counted} zeros; ${reported} were reported`);
  }
}

async function moveOut(written: OnnxModel): Promise<void> {
  const sink = new MemorySink();
  await refusalOf(async () => {
    await writeModel(written, {}, sink, { fileName: "model.onnx", external: "always" });
    await (await sink.open("model.onnx")).close();
  });
}

/** Keeps written files, and opens them as a runtime without a file system would. */
class MemorySink implements ModelSink {
  readonly #files = new Map<string, Uint8Array[]>();

  async write(fileName: string, chunk: Uint8Array): Promise<void> {
    const chunks = this.#files.get(fileName) ?? [];
    this.#files.set(fileName, chunks);
    chunks.push(new Uint8Array(chunk));
  }

  /** A file; null where it was not begun. */
  bytesOf(fileName: string): Uint8Array | null {
    const chunks = this.#files.get(fileName);
    return chunks === undefined ? null : new Uint8Array(Buffer.concat(chunks));
  }

  /** @throws BrokenPromise where the reader refuses what the writer wrote */
  async open(fileName: string): Promise<OnnxModel> {
    const externalData = [...this.#files.keys()]
      .filter((name) => name !== fileName)
      .map((path) => ({ path, data: this.bytesOf(path) ?? new Uint8Array(0) }));
    try {
      return await openModel(this.bytesOf(fileName) ?? new Uint8Array(0), { externalData });
    } catch (cause) {
      throw new BrokenPromise(`the written file does not open: ${cause}`, { cause });
    }
  }
}
