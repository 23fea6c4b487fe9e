/**
 * The common way of `pipeline()` and `withPrune()`: load by the host's own means with a request in
 * `session_options`, check afterwards that everything asked for was done, and leave nothing open
 * when it was not.
 */
import { resolvePruneOption } from "../options/index.js";
import { coefficientLibrary } from "./coefficient-library.node.js";
import { deferred } from "./deferred-sessions.node.js";
import { type PruneProgressCallback, toHostCallback, withoutReady } from "./events.js";
import { FileNames } from "./file-names.node.js";
import { type SessionRequest, withRequest } from "./intercept.js";
import { loadTokenizer } from "./location.node.js";
import { ModelPrune } from "./model-prune.js";
import { resultStore } from "./result-store.node.js";
import { readSideText } from "./side-files.node.js";
import type { LoadOptions } from "./tokenizer.js";

/** Options of a load that we read; the host gets all of them. */
export interface HostOptions extends LoadOptions {
  readonly session_options?: object;
  readonly subfolder?: string;
  readonly progress_callback?: PruneProgressCallback | null;
}

/** Something that holds sessions. */
interface Disposable {
  dispose(): Promise<unknown>;
}

/**
 * Loads with `prune`.
 *
 * @param id Hub id or directory, null for the host's default of a task
 * @param prune the friendly option
 * @param load the host's loading function, called with options; called again for calibration that runs the model
 * @throws PruneError as `ModelPrune` says; whatever the host throws
 */
export async function loadPruned<T>(
  id: string | null,
  prune: unknown,
  options: HostOptions,
  load: (options: HostOptions) => Promise<T>,
): Promise<T> {
  const name = id ?? "the default model";
  const { progress_callback, subfolder } = options;
  const names = new FileNames();
  const loadWith = (request: SessionRequest, callback: HostOptions["progress_callback"]) => {
    const listening = names.listening(callback);
    return load({
      ...options,
      session_options: withRequest(options.session_options ?? {}, names.naming(request)),
      ...(listening !== undefined && { progress_callback: listening }),
    });
  };
  let isLoading = false;
  const request = new ModelPrune({
    name,
    options: resolvePruneOption(prune),
    store: (cache) => resultStore(cache, options.cache_dir),
    library: coefficientLibrary(id, pick(options)),
    tokenizer: (path) => loadTokenizer(id, path, pick(options)),
    sideFile: (file) => readSideText(id, file, pick(options)),
    reload: async (tapped, use) => {
      // What is loaded before the real load may have to be downloaded, which the user wants to see.
      const loaded = await loadWith(tapped, isLoading ? null : withoutReady(progress_callback));
      try {
        await use(loaded);
      } finally {
        await (loaded as Partial<Disposable>).dispose?.();
      }
    },
    onProgress: toHostCallback(progress_callback, name, subfolder),
  });
  try {
    await request.prepare();
    isLoading = true;
    const sessions = deferred(request);
    const loaded = await loadWith(sessions.request, sessions.holdReady(progress_callback));
    await sessions.settle();
    request.check();
    return loaded;
  } catch (error) {
    await request.release();
    throw error;
  } finally {
    await request.close();
  }
}

const pick = ({ cache_dir, local_files_only, revision }: HostOptions): LoadOptions => ({
  ...(cache_dir != null && { cache_dir }),
  ...(local_files_only !== undefined && { local_files_only }),
  ...(revision !== undefined && { revision }),
});
