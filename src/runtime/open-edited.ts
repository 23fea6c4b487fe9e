/**
 * Opens an edited model without copying its weights. The topology goes to the runtime as bytes (a
 * skeleton of about a megabyte) in which every large initializer is external data whose location is
 * the original .onnx file, at the offset of its raw_data; only edited tensors come from memory.
 * ONNX Runtime maps such ranges as it does any external data: no temporary file, no second copy.
 */
import { PruneError } from "../errors.js";
import type { ByteSource, ModelEdits, OnnxGraph, OnnxModel, OnnxTensor, TensorEdit } from "../onnx/index.js";
import { serializeModel } from "../onnx/index.js";
import type { Runtime, RuntimeSession, SessionOptions } from "./runtime.js";

/** Initializers below this many bytes stay in the skeleton: a reference costs about as much as they do. */
const SMALLEST_REFERENCE_BYTES = 1024;

/** Where the runtime finds external files: session options, `extra` as ONNX Runtime's config entries have it. */
const FOLDER_KEY = "model_external_initializers_file_folder_path";

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
 * The edited model as a skeleton and the session options that make it load.
 *
 * @param sessionOptions options to keep; external data that they bring is kept too
 * @throws PruneError `unsupported` where edited tensors exceed what one message holds (2 GB)
 */
export async function editedModel(
  model: OnnxModel,
  edits: ModelEdits,
  sessionOptions: SessionOptions,
): Promise<EditedModel> {
  const inMemory = model.source.path === undefined;
  const location = inMemory ? "transformers-prune.onnx" : (model.source.path as string).replace(/^.*[\\/]/, "");
  const tensors = new Map<OnnxTensor, TensorEdit>(edits.tensors);
  for (const tensor of initializersOf(model.graph)) {
    const { data } = tensor;
    if (tensors.has(tensor) || data.kind !== "raw" || data.external !== null) continue;
    if (data.payload.length < SMALLEST_REFERENCE_BYTES) continue;
    tensors.set(tensor, { kind: "external", location, offset: data.payload.offset, length: data.payload.length });
  }
  const { bytes } = await serializeModel(model, { ...edits, tensors });
  const files = inMemory
    ? { externalData: await filesInMemory(model, location) }
    : { extra: withFolder(sessionOptions.extra, folderOf(model.source.path as string)) };
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

/** Once external data comes from memory at all, ONNX Runtime wants all of it from memory. */
async function filesInMemory(model: OnnxModel, location: string): Promise<{ path: string; data: Uint8Array }[]> {
  const whole = async (path: string, source: ByteSource) => ({ path, data: await source.read(0, source.size) });
  return Promise.all([
    whole(location, model.source),
    ...[...model.externalSources].map(([path, source]) => whole(path, source)),
  ]);
}

function withFolder(extra: unknown, folder: string): unknown {
  const given = (extra ?? {}) as { session?: object };
  return { ...given, session: { ...given.session, [FOLDER_KEY]: folder } };
}

const folderOf = (path: string): string => path.replace(/[\\/][^\\/]*$/, "");

/** Initializers of a graph and of the graphs in its nodes. Tensors in attributes must stay where they are. */
function* initializersOf(graph: OnnxGraph): Generator<OnnxTensor> {
  yield* graph.initializers;
  for (const node of graph.nodes)
    for (const attribute of node.attributes) {
      if (attribute.graph !== null) yield* initializersOf(attribute.graph);
      for (const nested of attribute.graphs) yield* initializersOf(nested);
    }
}
