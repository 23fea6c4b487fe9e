/** Tiny models in the naming of real exports, and plans for them. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TensorEdit } from "../../src/onnx/index.js";
import { resolvePruneOption } from "../../src/options/index.js";
import type { ResolvedPrune } from "../../src/options/types.js";
import { openPlan, type Plan, ProgressMeter } from "../../src/prune/index.js";
import { DATA_TYPE, float32, type ModelSpec, modelBytes, node, value } from "../helpers/model.js";

export const VOCABULARY = 40;
export const CHANNELS = 16;

const series = (count: number, seed: number) =>
  Float32Array.from({ length: count }, (_, k) => Math.sin((k + 1) * (seed + 0.37)) + 0.2 * Math.cos(k * seed));

/** A layer of the module `name`: a MatMul with `<name>.weight`, under the name that exporters give its node. */
export const linear = (name: string, from: string, to: string) =>
  node(
    "MatMul",
    [from, `${name}.weight`],
    [to],
    {},
    { name: `/model/${name.replaceAll(".", "/").replace("layers/", "layers.")}/MatMul` },
  );

const weight = (name: string, seed: number, inputs: number, outputs: number) =>
  float32(`${name}.weight`, [inputs, outputs], series(inputs * outputs, seed));

/** A language model of one block without attention: up, ReLU, down, then the head. */
export const languageModel = (seed = 1): ModelSpec => ({
  inputs: [
    value("input_ids", ["batch", "tokens"], DATA_TYPE.int64),
    value("attention_mask", ["batch", "tokens"], DATA_TYPE.int64),
  ],
  nodes: [
    node("Gather", ["embeddings", "input_ids"], ["e"]),
    linear("layers.0.mlp.fc1", "e", "u"),
    node("Relu", ["u"], ["r"]),
    linear("layers.0.mlp.fc2", "r", "d"),
    node("Add", ["e", "d"], ["h"]),
    linear("lm_head", "h", "logits"),
  ],
  initializers: [
    float32("embeddings", [VOCABULARY, CHANNELS], series(VOCABULARY * CHANNELS, seed)),
    weight("layers.0.mlp.fc1", seed + 1, CHANNELS, 32),
    weight("layers.0.mlp.fc2", seed + 2, 32, CHANNELS),
    weight("lm_head", seed + 3, CHANNELS, VOCABULARY),
  ],
  outputs: [value("logits", ["batch", "tokens", VOCABULARY])],
});

/** Token ids that differ from sample to sample. */
export const TOKENS = Array.from({ length: 3 }, (_, s) =>
  Array.from({ length: 20 + s }, (_, t) => (t * 7 + s * 11 + ((t * t) % 5)) % VOCABULARY),
);

export const resolved = (option: unknown): ResolvedPrune => {
  const options = resolvePruneOption(option).forFile("model");
  if (options === null) throw new Error("left dense");
  return options;
};

/** A plan for a tiny model in memory. */
export const planOf = (option: unknown, spec = languageModel(), name = "model"): Promise<Plan> =>
  openPlan({ input: modelBytes(spec), name }, resolved(option));

/** A meter that nobody listens to. */
export const quietMeter = () => new ProgressMeter(undefined, "model", { calibrated: true, updated: false, passes: 1 });

/** The bytes an edit writes. */
export async function bytesOfEdit(edit: TensorEdit | undefined): Promise<Uint8Array> {
  if (edit?.kind !== "bytes") throw new Error("expected an edit of bytes");
  return edit.bytes();
}

/** A folder with a model file. Remove it at the end. */
export async function folderWithModel(
  spec = languageModel(),
): Promise<{ folder: string; path: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "transformers-prune-"));
  const path = join(folder, "model.onnx");
  await writeFile(path, modelBytes(spec));
  return { folder, path, remove: () => rm(folder, { recursive: true, force: true }) };
}
