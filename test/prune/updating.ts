/** Prunes of whole small models with updates, and the ways to look at what came of them. */
import { openSamples, type Samples, textFeeds } from "../../src/calibrate/index.js";
import { buildModel, findTargets, type Model, readValues, type Target } from "../../src/graph/index.js";
import { openModel, serializeModel } from "../../src/onnx/index.js";
import type { ProgressEvent } from "../../src/progress.js";
import {
  type Masked,
  type MaskedPlan,
  maskBySamples,
  openPlan,
  type Plan,
  ProgressMeter,
  prunedEdits,
} from "../../src/prune/index.js";
import { openEdited } from "../../src/runtime/index.js";
import type { Unfinished } from "../../src/store/index.js";
import { openCpu } from "../helpers/cpu-device.js";
import { type LlamaConfig, llamaBytes, llamaEdits } from "../helpers/llama.js";
import { testRuntime } from "../helpers/runtime.js";
import { AUSTEN } from "../helpers/tokenizer.js";
import { resolved } from "./tiny.js";

/** The runtime of these prunes. */
export const runtime = testRuntime();

/** One thread, so that sums come out the same bit for bit. */
export const sessionOptions = { intraOpNumThreads: 1, interOpNumThreads: 1 } as const;

/** The small language model of the repository. */
export const AUSTEN_FILE = `${AUSTEN}/onnx/model.onnx`;

/** Words of the small model's vocabulary in no order that means anything. */
export const AUSTEN_TOKENS = tokens(4, 64, 2048);

/** Token ids below `vocabulary` that differ from sample to sample. */
export function tokens(count: number, length: number, vocabulary: number): number[][] {
  return Array.from({ length: count }, (_, s) =>
    Array.from({ length }, (_, t) => (t * 131 + s * 977 + ((t * t) % 17) * 29) % vocabulary),
  );
}

/** A Llama with grouped-query attention in the layout of onnxruntime-genai's builder. */
export const LLAMA: LlamaConfig = {
  ...{ hidden: 64, intermediate: 128, layers: 2, heads: 4, kvHeads: 2 },
  ...{ vocabulary: 128, positions: 64, dtype: "float32" },
};
export const LLAMA_TOKENS = tokens(6, 40, LLAMA.vocabulary);

export async function llamaFile(config = LLAMA): Promise<Uint8Array> {
  const empty = await openModel(llamaBytes(config));
  return (await serializeModel(empty, { tensors: llamaEdits(empty, config) })).bytes;
}

/** How a file is pruned. */
export interface Pruning {
  readonly input: string | Uint8Array;
  readonly options: Readonly<Record<string, unknown>>;
  readonly unfinished?: Unfinished;
  readonly onProgress?: (event: ProgressEvent) => void;
}

/** A prune that is done. Close the model at the end. */
export interface Pruned extends Pick<MaskedPlan, "calibration" | "device" | "notes"> {
  readonly plan: Plan;
  readonly masked: Masked;
}

export async function pruned({ input, options, unfinished, onProgress }: Pruning): Promise<Pruned> {
  const plan = await openPlan({ input, name: "model" }, resolved(options));
  const services = {
    ...{ runtime, sessionOptions, openDevice: openCpu },
    tokenizer: () => Promise.reject(new Error("not asked for")),
    ...(unfinished && { unfinished }),
  };
  try {
    const [done] = await maskBySamples([plan], services, () => ProgressMeter.of(plan, onProgress));
    return done as MaskedPlan;
  } catch (error) {
    await plan.model.onnx.close();
    throw error;
  }
}

/** The whole file as it is written. */
export const written = async ({ plan, masked }: Pruned): Promise<Uint8Array> =>
  (await serializeModel(plan.model.onnx, prunedEdits(masked))).bytes;

/** Weights of a file by name, [out, in]. */
export async function weightsOf(file: Uint8Array | string): Promise<ReadonlyMap<string, Weight>> {
  const model = await linked(file);
  const { targets } = findTargets(model);
  const weights = new Map<string, Weight>();
  for (const target of targets) weights.set(target.name, { target, values: await readValues(target) });
  await model.onnx.close();
  return weights;
}

/** A weight and its values, [out, in]. */
export interface Weight {
  readonly target: Target;
  readonly values: Float32Array;
}

export const linked = async (file: Uint8Array | string): Promise<Model> =>
  buildModel(await openModel(file as Uint8Array<ArrayBuffer> | string));

/** The samples of a plan that calibrates on token ids. */
export const samplesOfPlan = ({ options }: Plan): Promise<Samples> =>
  openSamples(options.calibration, () => Promise.reject(new Error("no text")), "model");

/** Values of a file by their names in its graph, for token ids without padding; one array a sample. */
export async function valuesOf(
  file: Uint8Array | string,
  names: readonly string[],
  samples: readonly (readonly number[])[],
): Promise<(name: string) => readonly Float32Array[]> {
  const onnx = await openModel(file as Uint8Array<ArrayBuffer> | string);
  const outputs = new Set(onnx.graph.outputs.map(({ name }) => name));
  const addOutputs = names
    .filter((name) => !outputs.has(name))
    .map((name) => ({ name, elemType: 1, shape: [null, null, null] }));
  const graphs = new Map([[onnx.graph, { addOutputs, keepOutputs: (name: string) => names.includes(name) }]]);
  const session = await openEdited(runtime, onnx, { graphs }, sessionOptions);
  const found = new Map(names.map((name): [string, Float32Array[]] => [name, []]));
  try {
    for (const ids of samples) {
      const results = await session.run(textFeeds(runtime, session, [ids], "model"));
      for (const [name, all] of found) all.push(Float32Array.from(results[name]?.data as ArrayLike<number>));
    }
  } finally {
    await session.release();
    await onnx.close();
  }
  return (name) => found.get(name) as Float32Array[];
}

/** ‖a − b‖² / ‖b‖² over all samples. */
export function relativeError(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  let [off, whole] = [0, 0];
  b.forEach((sample, s) => {
    sample.forEach((value, k) => {
      off += (((a[s] as Float32Array)[k] as number) - value) ** 2;
      whole += value ** 2;
    });
  });
  return off / whole;
}
