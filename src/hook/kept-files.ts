/**
 * The session files of a model, pruned and kept, but not opened: for those who want the files, or what
 * they are worth, and no pipeline.
 */
import { type PruneOption, resolvePruneOption } from "../options/index.js";
import type { RunControl } from "../progress.js";
import type { ModelFile } from "../prune/index.js";
import type { PruneReport } from "../report.js";
import { coefficientLibrary } from "./coefficient-library.node.js";
import { createSession } from "./host.js";
import { loadTokenizer } from "./location.node.js";
import { ModelPrune } from "./model-prune.js";
import type { PipelineTask } from "./pipeline.js";
import { type ResolvedFile, type ResolvedModel, reloadResolved } from "./resolve-files.js";
import { resultStore } from "./result-store.node.js";
import { readSideText } from "./side-files.node.js";

/** A session file, and what was done to it. */
export interface PrunedFile {
  readonly file: ModelFile;
  /** null: it stayed dense. */
  readonly report: PruneReport | null;
}

/** How to prune, and who hears of it. */
export interface KeepOptions extends RunControl {
  readonly prune: PruneOption;
  /** What `calibration.run` is given: the host's pipeline of this task; absent: the model. */
  readonly task?: PipelineTask | undefined;
}

/**
 * Prunes the files of a model, or finds them pruned, and hands them to `use`, in order of their names.
 *
 * @throws PruneError as loading with `prune` does; the signal's reason when aborted; whatever `use` throws
 */
export async function withPrunedFiles<T>(
  found: ResolvedModel,
  { prune, task, signal, onProgress }: KeepOptions,
  use: (files: readonly PrunedFile[]) => Promise<T>,
): Promise<T> {
  const { id, options } = found;
  const request = new ModelPrune({
    name: id,
    options: withSignal(resolvePruneOption(prune), signal),
    store: (cache) => resultStore(cache, options.cache_dir),
    library: coefficientLibrary(id, options),
    tokenizer: (path) => loadTokenizer(id, path, options),
    sideFile: (name) => readSideText(id, name, options),
    reload: reloadResolved(found, task),
    onProgress,
  });
  try {
    await request.prepare();
    for (const { input, sessionOptions } of found.files) request.announce(input, sessionOptions);
    request.announced();
    const pruned: PrunedFile[] = [];
    for (const file of found.files) pruned.push(await keep(request, file));
    request.check();
    return await use(pruned);
  } catch (error) {
    await request.release();
    throw error;
  } finally {
    await request.close();
  }
}

async function keep(request: ModelPrune, file: ResolvedFile): Promise<PrunedFile> {
  const kept = await request.keep(file.input, file.sessionOptions, createSession);
  return kept === null ? { file, report: null } : { file: { ...kept.file, name: file.name }, report: kept.report };
}

/** Options of which every file also stops with a signal. */
function withSignal(
  options: ReturnType<typeof resolvePruneOption>,
  signal: AbortSignal | undefined,
): ReturnType<typeof resolvePruneOption> {
  if (signal === undefined) return options;
  return {
    ...options,
    forFile: (name) => {
      const own = options.forFile(name);
      return own && { ...own, signal: own.signal === undefined ? signal : AbortSignal.any([signal, own.signal]) };
    },
  };
}
