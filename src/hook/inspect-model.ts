/** What is in a model: its linear layers with measured sparsity, and what stays dense by default. */
import { basename, resolve } from "node:path";
import { PruneError } from "../errors.js";
import {
  buildModel,
  type CodingFacts,
  codingFacts,
  describeCoding,
  findWritableTargets,
  resolveCoding,
  type Skipped,
  type WeightKind,
} from "../graph/index.js";
import { byteLengthOf, readTensor } from "../onnx/index.js";
import type { RunControl } from "../progress.js";
import { type ModelFile, openModelFile, parametersOf, sourceBytes } from "../prune/index.js";
import { countZeroValues } from "../rewrite/index.js";
import { findPacked, packedBytes, viewUnpacked } from "../rewrite/packed/index.js";
import { refuseUnknownKeys } from "./known-keys.js";
import { isSessionFile } from "./model-folders.js";
import { type HostLoadOptions, resolveModel } from "./resolve-files.js";

/** One linear layer as it stands in the file. */
export interface InspectedWeight {
  readonly name: string;
  readonly kind: WeightKind;
  readonly layer: number | null;
  /** [out, in] */
  readonly shape: readonly [number, number];
  /** `float16`, `uint4 in blocks of 32`, … */
  readonly dtype: string;
  readonly coding: CodingFacts;
  /** Share of zeros, 0 … 1, measured. */
  readonly sparsity: number;
  /** Whether it is packed, and its bytes in the file, scales not counted, nor zero points but those that are stored again to expand it. */
  readonly stored: { readonly encoding: "dense" | "packed"; readonly bytes: number };
}

export interface InspectedFile {
  readonly file: string;
  /** With external data. */
  readonly bytes: number;
  readonly parameters: number;
  readonly weights: readonly InspectedWeight[];
  /** What is left dense by default, and why. */
  readonly dense: readonly Skipped[];
}

export interface InspectReport {
  readonly model: string;
  readonly files: readonly InspectedFile[];
}

/**
 * Looks into all session files of a model, or into one.
 *
 * @param model Hub id, directory, or path of a .onnx file
 * @throws PruneError for files that cannot be found or read; the signal's reason when aborted
 */
export async function inspectModel(model: string, options: HostLoadOptions & RunControl = {}): Promise<InspectReport> {
  refuseUnknownKeys(options, [], "inspectModel()");
  const { signal, onProgress, ...hostOptions } = options;
  const named = sessionFileAt(model, hostOptions);
  const files: InspectedFile[] = [];
  for (const file of named === null ? (await resolveModel(model, hostOptions)).files : [named]) {
    const { name } = file;
    const onnx = await openModelFile(file);
    try {
      const packed = await findPacked(onnx);
      // Packed weights are looked at as what they expand to; the file itself computes them.
      const model = buildModel(viewUnpacked(onnx, packed));
      const packedBytesOf = new Map(packed.weights.map(({ weight }) => [weight.name, packedBytes(weight)]));
      const { targets, skipped } = await findWritableTargets(model);
      const weights: InspectedWeight[] = [];
      const prunable = targets.filter(({ denseByDefault }) => denseByDefault === null);
      for (const target of prunable) {
        signal?.throwIfAborted();
        const { out, in: channels } = target.shape;
        const zeros = countZeroValues(await readTensor(target.tensor), await resolveCoding(target), target);
        const { kind, layer, tensor } = target;
        const bytes = packedBytesOf.get(tensor.name);
        weights.push({
          name: target.name,
          kind,
          layer,
          shape: [out, channels],
          dtype: describeCoding(target.coding, target.shape, target.order),
          coding: codingFacts(target.coding, target.shape, target.order),
          sparsity: zeros / (out * channels),
          stored:
            bytes === undefined
              ? { encoding: "dense", bytes: byteLengthOf(tensor.dataType, tensor.dims) }
              : { encoding: "packed", bytes },
        });
        const done = weights.length;
        onProgress?.({
          phase: "read",
          file: name,
          done,
          total: prunable.length,
          item: target.name,
          percent: (100 * done) / prunable.length,
        });
      }
      const byDefault = targets.flatMap((target) =>
        target.denseByDefault === null ? [] : [{ name: target.name, reason: target.denseByDefault }],
      );
      files.push({
        file: name,
        bytes: sourceBytes(onnx),
        parameters: parametersOf(model),
        weights,
        dense: [...byDefault, ...skipped],
      });
    } finally {
      await onnx.close();
    }
  }
  return { model, files };
}

/** A session file that is named by its path; null for any other model. @throws PruneError `bad-option` for options that choose among files */
function sessionFileAt(model: string, options: HostLoadOptions): ModelFile | null {
  if (!isSessionFile(model)) return null;
  const [option] = Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (option !== undefined)
    throw new PruneError(
      "bad-option",
      `${model} is one file, and ${option} says how the host finds those of a model; leave it out, or name the model's directory`,
      { details: { option } },
    );
  return { input: resolve(model), name: basename(model, ".onnx") };
}
