/** From a model to the files of a pruned one, in memory: for pages, which have no folders to write to. */
import type { PruneOption } from "../options/index.js";
import type { RunControl } from "../progress.js";
import { type ModelFile, openModelFile } from "../prune/index.js";
import type { PruneReport } from "../report.js";
import { configFor } from "./exported-config.js";
import { withPrunedFiles } from "./kept-files.js";
import { refuseUnknownKeys } from "./known-keys.js";
import type { PipelineOf, PipelineTask } from "./pipeline.js";
import { type HostLoadOptions, resolveModel } from "./resolve-files.js";
import { sideFilesOf } from "./side-files.node.js";

/** Options of {@link pruneToFiles}, beside the host's. */
export interface PruneToFilesOptions<T extends PipelineTask = never> extends HostLoadOptions, RunControl {
  /** What `calibration.run` is given: the host's pipeline of this task. Absent: the model, by the class its config names. */
  readonly task?: T;
  /** How to prune; as the `prune` option of `pipeline()`. What is in the cache is taken from there. */
  readonly prune: PruneOption<[T] extends [never] ? never : PipelineOf<T>>;
}

/** A pruned model as files. */
export interface PrunedFiles {
  /** One report per session file that was pruned, in order of their names. */
  readonly reports: readonly PruneReport[];
  /** Files by their path in the host's own layout: `config.json`, `tokenizer.json`, `onnx/model.onnx`, … */
  readonly files: ReadonlyMap<string, Blob>;
}

/**
 * Prunes a model and returns its files, which stock transformers.js loads when they are served or
 * written to a folder. The same as `pruneModel()`, for where there are no folders.
 *
 * @param model Hub id, or in Node a directory
 * @throws PruneError as loading with `prune` does; the signal's reason when aborted
 */
export async function pruneToFiles<T extends PipelineTask = never>(
  model: string,
  options: PruneToFilesOptions<T>,
): Promise<PrunedFiles> {
  refuseUnknownKeys(options, ["task", "prune"], "pruneToFiles()");
  const { task, prune, signal, onProgress, ...hostOptions } = options;
  const found = await resolveModel(model, hostOptions);
  const control = { ...(signal && { signal }), ...(onProgress && { onProgress }) };
  return withPrunedFiles(found, { prune: prune as PruneOption, task, ...control }, async (pruned) => {
    const files = new Map<string, Blob>();
    for (const { file } of pruned) for (const [name, blob] of await blobsOf(file)) files.set(`onnx/${name}`, blob);
    const sessions = [...files.keys()];
    for (const [name, content] of await sideFilesOf(found))
      files.set(name, blobOf(name === "config.json" ? configFor(content, sessions) : content));
    return { reports: pruned.flatMap(({ report }) => report ?? []), files };
  });
}

const blobOf = (content: Uint8Array | string): Blob => new Blob([content as Uint8Array<ArrayBuffer> | string]);

/** A session file and its external data, by name. */
async function blobsOf(file: ModelFile): Promise<[name: string, content: Blob][]> {
  const onnx = await openModelFile(file);
  try {
    const blobs: [string, Blob][] = [];
    for (const [name, source] of [[`${file.name}.onnx`, onnx.source] as const, ...onnx.externalSources])
      blobs.push([name, blobOf(await source.read(0, source.size))]);
    return blobs;
  } finally {
    await onnx.close();
  }
}
