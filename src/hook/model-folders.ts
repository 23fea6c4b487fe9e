/**
 * Where models and their side files are on a disk. The host keeps `config.json`, the tokenizer and the
 * rest beside the `onnx/` folder, in a local directory as in its cache.
 */
import { existsSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { host } from "./host.js";
import type { LoadOptions } from "./tokenizer.js";

/** Whether `path` is `folder` or lies in it. Both are absolute. */
export function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === "" || !(way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way));
}

/** Folders of a `subfolder` such as `web/onnx`, upwards from the file: farther up, a config is another project's. */
const DEEPEST_SUBFOLDER = 2;

/**
 * The directory of a model whose session file lies at `path`: the nearest one upwards that has a config, for
 * `subfolder` may be nested or none; where none has, the folder above the file's own.
 */
export function modelFolder(path: string): string {
  let folder = dirname(path);
  for (let i = 0; i <= DEEPEST_SUBFOLDER; i++, folder = dirname(folder))
    if (existsSync(join(folder, "config.json"))) return folder;
  return dirname(dirname(path));
}

/** Whether a model is named by the path of one of its session files. */
export const isSessionFile = (model: string): boolean =>
  /\.onnx$/i.test(model) && statSync(model, { throwIfNoEntry: false })?.isFile() === true;

/** Folder of the host's cache; null where it keeps nothing on disk. */
export function hostCache(cache_dir: string | null | undefined): string | null {
  const { env } = host;
  const folder = cache_dir ?? env.cacheDir;
  return typeof folder === "string" && env.useFSCache ? resolve(folder) : null;
}

/** Folder of our cache: in the host's own, so that clearing one clears both. Null where the host keeps nothing on disk. */
export function cacheRootOf(cache_dir: string | null | undefined): string | null {
  const folder = hostCache(cache_dir);
  return folder === null ? null : join(folder, "transformers-prune");
}

/** What the host would call the model whose file lies at `path`. */
export function placeOf(path: string | null, options: LoadOptions): { id: string; options: LoadOptions } | null {
  if (path === null) return null;
  const folder = modelFolder(path);
  if (existsSync(join(folder, "tokenizer.json"))) return { id: folder, options: { local_files_only: true } };
  // In the host's cache the tokenizer may be on its way; asking for it by id waits for it.
  const cache = hostCache(options.cache_dir);
  if (cache === null || !isInside(folder, cache)) return null;
  const [owner, name, revision] = relative(cache, folder).split(sep);
  if (owner === undefined || name === undefined) return null;
  return { id: `${owner}/${name}`, options: revision === undefined ? options : { ...options, revision } };
}
