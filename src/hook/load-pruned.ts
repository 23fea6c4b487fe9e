/**
 * The common way of `pipeline()` and `withPrune()`: load by the host's own means with a request in
 * `session_options`, check afterwards that everything asked for was done, and leave nothing open
 * when it was not.
 */
import { resolvePruneOption } from "../options/index.js";
import { toHostCallback } from "./events.js";
import { type SessionRequest, withRequest } from "./intercept.js";
import { cacheRootOf, type LoadOptions, loadTokenizer } from "./location.js";
import { ModelPrune } from "./model-prune.js";

/** Options of a load that we read; the host gets all of them. */
export interface HostOptions extends LoadOptions {
  readonly session_options?: object;
  readonly progress_callback?: ((event: never) => void) | null;
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
 * @param load the host's loading function, called with options; called again for calibration by `run`
 * @throws PruneError as `ModelPrune` says; whatever the host throws
 */
export async function loadPruned<T>(
  id: string | null,
  prune: unknown,
  options: HostOptions,
  load: (options: HostOptions) => Promise<T>,
): Promise<T> {
  const name = id ?? "the default model";
  const carrying = (request: SessionRequest): HostOptions => ({
    ...options,
    session_options: withRequest(options.session_options, request),
  });
  const request = new ModelPrune({
    model: name,
    options: resolvePruneOption(prune),
    cacheRoot: cacheRootOf(options.cache_dir),
    tokenizer: (path) => loadTokenizer(id, path, pick(options)),
    reload: async (tapped, use) => {
      const pipe = await load({ ...carrying(tapped), progress_callback: null });
      try {
        await use(pipe);
      } finally {
        await (pipe as Partial<Disposable>).dispose?.();
      }
    },
    onProgress: toHostCallback(options.progress_callback, name),
  });
  try {
    const loaded = await load(carrying(request));
    request.check();
    return loaded;
  } catch (error) {
    await request.release();
    throw error;
  }
}

const pick = ({ cache_dir, local_files_only, revision }: HostOptions): LoadOptions => ({
  ...(cache_dir != null && { cache_dir }),
  ...(local_files_only !== undefined && { local_files_only }),
  ...(revision !== undefined && { revision }),
});
