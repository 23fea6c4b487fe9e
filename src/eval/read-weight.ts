/**
 * One weight of a model file as numbers, for pictures and statistics of what a mask left. Needs no
 * host and no runtime: quantised weights are decoded and packed ones expanded here.
 */
import { PruneError } from "../errors.js";
import { buildModel, findTargets, readValues } from "../graph/index.js";
import { type ExternalFile, type ModelInput, openModel } from "../onnx/index.js";
import { badOption, dottedLabel, isOptionsObject, nearest, OptionReader, type Read } from "../options/index.js";
import { findPacked, viewUnpacked } from "../rewrite/packed/index.js";

/** A weight as numbers. */
export interface WeightValues {
  /** As reports call it. */
  readonly name: string;
  readonly shape: { readonly out: number; readonly in: number };
  /** [out, in] */
  readonly values: Float32Array;
}

export interface ReadWeightOptions {
  /** External files by location, for a model that is not on disk. */
  readonly externalData?: readonly ExternalFile[];
}

const LABEL = dottedLabel("readWeight()");

/**
 * Reads one weight of a .onnx file. Of a file on disk or a Blob only the topology and that weight are read.
 *
 * @param model path, bytes or Blob of a .onnx file, dense or packed, pruned or not
 * @param name of the weight, as in reports: `layers.0.self_attn.q_proj`
 * @throws PruneError `not-found` where there is no such file or weight, `unsupported` where the weight cannot be read
 *   as a matrix; `bad-option` and `unknown-option`; `bad-model`, `bad-graph` and `bad-external-data` for files that are broken
 */
export async function readWeight(
  model: ModelInput,
  name: string,
  options: ReadWeightOptions = {},
): Promise<WeightValues> {
  const reader = new OptionReader<keyof ReadWeightOptions>({ ...options }, LABEL);
  const externalData = reader.get("externalData", mustBeExternalFiles);
  reader.refuseUnread();
  const onnx = await openModel(mustBeModel(model), externalData && { externalData });
  try {
    const { targets, skipped } = findTargets(buildModel(viewUnpacked(onnx, await findPacked(onnx))));
    const target = targets.find((each) => each.name === name);
    if (target !== undefined) return { name, shape: target.shape, values: await readValues(target) };
    const left = skipped.find((each) => each.name === name);
    if (left === undefined)
      throw noSuchWeight(
        onnx.name,
        name,
        targets.map((each) => each.name),
      );
    throw new PruneError("unsupported", `${onnx.name}: "${name}" is no weight that can be read: ${left.reason}`, {
      details: { file: onnx.name, weight: name },
    });
  } finally {
    await onnx.close();
  }
}

const mustBeExternalFiles: Read<readonly ExternalFile[]> = (value, label) => {
  if (!Array.isArray(value) || !value.every((file) => isOptionsObject(file) && "path" in file && "data" in file))
    throw badOption(label, "an array of { path, data }", value);
  return value;
};

function mustBeModel(model: ModelInput): ModelInput {
  const isKnown = typeof model === "string" || [Uint8Array, ArrayBuffer, Blob].some((kind) => model instanceof kind);
  if (!isKnown) throw badOption(LABEL.of("model"), "a path, bytes or a Blob", model);
  return model;
}

function noSuchWeight(file: string, name: string, names: readonly string[]): PruneError {
  const near = nearest(name, names);
  const remedy = near === null ? "inspect the file for their names" : `did you mean "${near}"?`;
  return new PruneError("not-found", `${file}: none of its ${names.length} weights is called "${name}"; ${remedy}`, {
    details: { file, weight: name, ...(near !== null && { nearest: near }) },
  });
}
