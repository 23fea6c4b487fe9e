/**
 * Opens an edited model without copying its weights. The topology goes to the runtime as bytes (a
 * skeleton of about a megabyte) in which every large initializer is external data whose location is
 * the original .onnx file, at the offset of its raw_data; only edited tensors come from memory.
 * ONNX Runtime maps such ranges as it does any external data: no temporary file, no second copy.
 */
import { PruneError } from "../errors.js";
import type { ModelEdits, OnnxGraph, OnnxModel, OnnxTensor, TensorEdit } from "../onnx/index.js";
import { graphsOf, serializeModel } from "../onnx/index.js";
import { type FilesOnDisk, filesOnDisk } from "./files-on-disk.js";
import type { Runtime, RuntimeSession, SessionOptions } from "./runtime.js";

/** Initializers below this many bytes stay in the skeleton: a reference costs about as much as they do. */
const SMALLEST_REFERENCE_BYTES = 1024;

/** Where the runtime finds external files: session options, `extra` as ONNX Runtime's config entries have it. */
const FOLDER_KEY = "model_external_initializers_file_folder_path";

/** What a model that is not on disk is called as external data of its own skeleton. */
const MEMORY_LOCATION = "transformers-prune.onnx";

/**
 * Sessions that the package runs itself see few runs of varying shapes. Memory patterns plan one
 * allocation for a shape seen before and keep it beside the arena: a quarter more memory for no speed.
 */
const OWN_SESSION: SessionOptions = { enableMemPattern: false };

/** A model as the runtime's `create` takes it. */
export interface EditedModel {
  readonly bytes: Uint8Array;
  readonly sessionOptions: SessionOptions;
}

/**
 * The edited model as a skeleton and the session options that make it load. A model whose files do
 * not lie in one folder, or that came with external data, is handed over in memory.
 *
 * @param sessionOptions options to keep; where they hold `externalData`, the model must have been opened with it
 * @throws PruneError `unsupported` where edited tensors exceed what one message holds (2 GB)
 */
export async function editedModel(
  model: OnnxModel,
  edits: ModelEdits,
  sessionOptions: SessionOptions,
): Promise<EditedModel> {
  // Once external data comes from memory at all, ONNX Runtime wants all of it from memory.
  const { externalData = [] } = sessionOptions as { readonly externalData?: readonly unknown[] };
  const onDisk = externalData.length === 0 ? await filesOnDisk(model) : null;
  const tensors = new Map([...references(model, onDisk), ...(edits.tensors ?? [])]);
  const { bytes } = await serializeModel(model, { ...edits, tensors });
  const files =
    onDisk === null
      ? { externalData: await filesInMemory(model) }
      : { extra: withFolder(sessionOptions.extra, onDisk.folder) };
  return { bytes, sessionOptions: { ...sessionOptions, ...files } };
}

/**
 * Opens an edited model, see {@link editedModel}. Release the session when done.
 *
 * @throws PruneError `bad-model` where the runtime refuses the model, with its reason
 */
export async function openEdited(
  runtime: Runtime,
  model: OnnxModel,
  edits: ModelEdits,
  sessionOptions: SessionOptions,
): Promise<RuntimeSession> {
  const edited = await editedModel(model, edits, sessionOptions);
  try {
    return await runtime.open(edited.bytes, { ...OWN_SESSION, ...edited.sessionOptions });
  } catch (cause) {
    throw new PruneError(
      "bad-model",
      `${model.name}: ONNX Runtime refuses the model: ${cause instanceof Error ? cause.message : String(cause)}; check that the unchanged model loads`,
      { details: { file: model.name }, cause },
    );
  }
}

/** Edits that make every large initializer a reference to the file it lies in. */
function* references(model: OnnxModel, onDisk: FilesOnDisk | null): Generator<[OnnxTensor, TensorEdit]> {
  for (const graph of graphsOf(model.graph))
    for (const tensor of [...graph.initializers, ...externalConstants(graph)]) {
      if (tensor.data.kind !== "raw") continue;
      const { external, payload } = tensor.data;
      if (external === null && payload.length < SMALLEST_REFERENCE_BYTES) continue;
      const location = onDisk?.locations.get(payload.source) ?? external?.location ?? MEMORY_LOCATION;
      if (location === external?.location) continue;
      yield [tensor, { kind: "external", location, offset: payload.offset, length: payload.length }];
    }
}

/** Tensors in attributes whose values are in another file. The runtime takes no reference where there was none. */
function externalConstants({ nodes }: OnnxGraph): OnnxTensor[] {
  return nodes
    .flatMap(({ attributes }) => attributes)
    .flatMap(({ tensor, tensors }) => (tensor === null ? tensors : [tensor, ...tensors]))
    .filter(({ data }) => data.kind === "raw" && data.external !== null);
}

async function filesInMemory(model: OnnxModel): Promise<{ path: string; data: Uint8Array }[]> {
  const files = [[MEMORY_LOCATION, model.source] as const, ...model.externalSources];
  return Promise.all(files.map(async ([path, source]) => ({ path, data: await source.read(0, source.size) })));
}

function withFolder(extra: unknown, folder: string): unknown {
  const given = (extra ?? {}) as { session?: object };
  return { ...given, session: { ...given.session, [FOLDER_KEY]: folder } };
}
