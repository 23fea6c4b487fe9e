/**
 * One session that the host opens by itself with the session options of `prune()`. Of the model it belongs
 * to, only the file is known.
 */
import type { ResolvedPruneOption } from "../options/index.js";
import type { RuntimeSession, SessionOptions } from "../runtime/index.js";
import { coefficientLibrary } from "./coefficient-library.node.js";
import { toHostCallback } from "./events.js";
import type { Create } from "./intercept.js";
import { loadTokenizer, modelNameAt } from "./location.node.js";
import { ModelPrune } from "./model-prune.js";
import { resultStore } from "./result-store.node.js";
import type { PruneHostOptions } from "./session-options.js";

/**
 * Opens the session pruned; nothing of ours stays open.
 *
 * @param model as the host gave it, as are the options of the session
 * @throws PruneError as `ModelPrune` says
 */
export async function pruneSession(
  model: unknown,
  sessionOptions: SessionOptions,
  create: Create,
  options: ResolvedPruneOption,
  { cache_dir = null, progress_callback }: PruneHostOptions,
): Promise<RuntimeSession> {
  const name = modelNameAt(typeof model === "string" ? model : null, cache_dir);
  const request = new ModelPrune({
    name,
    options,
    store: (cache) => resultStore(cache, cache_dir),
    library: coefficientLibrary(null, { cache_dir }),
    tokenizer: (path) => loadTokenizer(null, path, { cache_dir }),
    sideFile: async () => null,
    reload: null,
    onProgress: toHostCallback(progress_callback, name),
    unchecked: true,
  });
  try {
    return await request.open(model, sessionOptions, create);
  } catch (error) {
    await request.release();
    throw error;
  } finally {
    await request.close();
  }
}
