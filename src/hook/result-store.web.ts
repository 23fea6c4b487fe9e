/** Where pruned models are kept in browsers: in a Cache beside the host's own, unless the user names another. */
import type { ResolvedPrune } from "../options/index.js";
import { browserStore, type ResultStore } from "../store/index.js";
import { host } from "./host.js";

/** Name of our Cache. */
const CACHE_NAME = "transformers-prune";

/**
 * The store that the options ask for.
 *
 * @param _cache_dir means nothing in browsers
 * @returns why nothing is kept, in words, "" where that was asked for
 */
export async function resultStore(
  cache: ResolvedPrune["cache"],
  _cache_dir?: string | null,
): Promise<ResultStore | string> {
  if (cache.kind === "none") return "";
  if (cache.kind === "folder") return browserStore(cache.path);
  if (host.env.useBrowserCache) return browserStore(CACHE_NAME);
  return "not cached: transformers.js keeps nothing in this browser (env.useBrowserCache); name a Cache with cache";
}
