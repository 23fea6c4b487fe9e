/** Where pruned models are kept in Node: in folders, beside the host's own cache unless the user names another. */
import { resolve } from "node:path";
import type { ResolvedPrune } from "../options/index.js";
import { folderStore } from "../store/folders.js";
import type { ResultStore } from "../store/index.js";
import { cacheRootOf } from "./model-folders.js";

/**
 * The store that the options ask for.
 *
 * @param cache_dir as given to the host
 * @returns why nothing is kept, in words, "" where that was asked for
 */
export async function resultStore(
  cache: ResolvedPrune["cache"],
  cache_dir: string | null | undefined,
): Promise<ResultStore | string> {
  if (cache.kind === "none") return "";
  const root = cache.kind === "folder" ? resolve(cache.path) : cacheRootOf(cache_dir);
  if (root !== null) return folderStore(root);
  return "not cached: transformers.js keeps nothing on disk (env.useFSCache, env.cacheDir); name a folder with cache";
}
