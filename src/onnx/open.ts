/**
 * Opens a model: finds the bytes, scans them for the topology, decodes it and checks that external
 * files are there. Weights are not read.
 */
import { PruneError } from "../errors.js";
import { decodeModel } from "./decode.js";
import { DecodeContext } from "./decode-context.js";
import { ExternalFiles } from "./external-files.js";
import { rememberModel } from "./origins.js";
import { scan } from "./scan.js";
import { blobSource, fileSource, memorySource } from "./sources.js";
import type { ByteSource, ExternalFile, ModelInput, OnnxModel } from "./types.js";
import type { Span } from "./wire.js";

export interface OpenOptions {
  /** The file as messages shall name it; unless given, its path, or "model" for bytes. */
  readonly name?: string;
  /** External files by location, for models that are not on disk. They win over files beside a model. */
  readonly externalData?: readonly ExternalFile[];
}

/**
 * Opens a model lazily. From a path or a Blob only the topology is read; bytes in memory are shared,
 * not copied, and must not change while the model is in use. Close the model to release file handles.
 *
 * @param input path, bytes or Blob of a .onnx file
 * @throws PruneError `not-found` where there is no such file; `bad-model` where the bytes are no model
 *   or hold more than any model needs; `bad-external-data` where an external file is missing, too
 *   short or outside of the model's folder
 */
export async function openModel(input: ModelInput, options: OpenOptions = {}): Promise<OnnxModel> {
  const source = await sourceOf(input, options.name);
  const externals = new ExternalFiles(source.name, source.path ?? null, options.externalData ?? []);
  try {
    await refusePointer(source);
    const { span, topologyBytes } = await topologyOf(source, input);
    const context = new DecodeContext(externals);
    const decoded = decodeModel(span, context);
    const externalSources = await externals.open();
    const model: OnnxModel = {
      name: source.name,
      ...decoded,
      source,
      externalSources,
      topologyBytes,
      async close() {
        await Promise.all([source, ...externalSources.values()].map((opened) => opened.close()));
      },
    };
    return rememberModel(model, { span, tensors: context.tensors });
  } catch (error) {
    await source.close();
    throw error;
  }
}

async function sourceOf(input: ModelInput, name: string | undefined): Promise<ByteSource> {
  if (typeof input === "string") return fileSource(input, { name, missing: "not-found" });
  if (input instanceof Blob) return blobSource(name ?? "model", input);
  return memorySource(name ?? "model", input instanceof Uint8Array ? input : new Uint8Array(input));
}

/** Bytes in memory need no scan; files and Blobs are walked so that payloads stay where they are. */
async function topologyOf(source: ByteSource, input: ModelInput): Promise<{ span: Span; topologyBytes: number }> {
  if (typeof input === "string" || input instanceof Blob) {
    const { root, bytesRead } = await scan(source, "ModelProto");
    return { span: root, topologyBytes: bytesRead };
  }
  const bytes = await source.read(0, source.size);
  const span: Span = { source, offset: 0, length: source.size, chunk: { offset: 0, bytes }, fields: null };
  return { span, topologyBytes: 0 };
}

/** Repositories cloned without Git LFS hold a small text file in place of the model. */
async function refusePointer(source: ByteSource): Promise<void> {
  const start = "version https://git-lfs";
  if (source.size < start.length || source.size > 1024) return;
  if (new TextDecoder().decode(await source.read(0, start.length)) !== start) return;
  throw new PruneError(
    "bad-model",
    `${source.name}: expected a model, found a Git LFS pointer to it; run "git lfs pull" in its repository`,
    { details: { file: source.name } },
  );
}
