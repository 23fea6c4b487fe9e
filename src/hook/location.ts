/**
 * Where a model's side files are, and its tokenizer. The host keeps `config.json`, the tokenizer and
 * the rest beside the `onnx/` folder, in a local directory as in its cache.
 */
import { existsSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import type { Tokenizer } from "../calibrate/index.js";
import { PruneError } from "../errors.js";
import { host } from "./host.js";

/** The host's loading options that say where a model and its tokenizer are. */
export interface LoadOptions {
  readonly cache_dir?: string | null;
  readonly local_files_only?: boolean;
  readonly revision?: string;
}

/** A tokenizer as calibration needs it, and as the host calls it. */
export interface HostTokenizer extends Tokenizer {
  readonly host: host.PreTrainedTokenizer;
}

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

/** A model as the host takes it: an existing directory by its absolute path, anything else as it is (a Hub id). */
export function modelIdOrFolder(model: string): { readonly id: string; readonly isFolder: boolean } {
  const folder = resolve(model);
  if (isSessionFile(model))
    throw new PruneError(
      "not-found",
      `${model}: expected a model, found one of its session files; name the model's directory, and the file by its dtype`,
    );
  const isFolder = existsSync(join(folder, "config.json"));
  if (!isFolder && (isAbsolute(model) || /^\.{1,2}(?:[\\/]|$)/.test(model)))
    throw new PruneError(
      "not-found",
      `${model}: no model directory, it has no config.json; name a directory in the layout of transformers.js or a Hub id`,
    );
  return isFolder ? { id: folder, isFolder } : { id: model, isFolder };
}

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

/**
 * The tokenizer of a model.
 *
 * @param id Hub id or directory; null: derived from `path`
 * @param path a session file of the model, null where it was given as bytes
 * @throws PruneError `not-found` where there is none; the message says how to do without
 */
export async function loadTokenizer(
  id: string | null,
  path: string | null,
  options: LoadOptions,
): Promise<HostTokenizer> {
  const place = id === null ? placeOf(path, options) : { id, options };
  const missing = (cause?: unknown) =>
    new PruneError(
      "not-found",
      `no tokenizer for ${id ?? path ?? "a model given as bytes"}; calibrate with run(), feeds or token ids instead of text`,
      { cause },
    );
  if (place === null) throw missing();
  try {
    const tokenizer = await host.AutoTokenizer.from_pretrained(place.id, place.options as object);
    return {
      host: tokenizer,
      encode: (text) => tokenizer.encode(text, { add_special_tokens: false }),
      bosId: (tokenizer as { bos_token_id?: number | null }).bos_token_id ?? null,
    };
  } catch (cause) {
    throw missing(cause);
  }
}

/** A model's name for messages: its Hub id where its file lies in the host's cache, else its directory. */
export function modelNameAt(path: string | null, cache_dir: string | null): string {
  if (path === null) return "the model";
  const folder = modelFolder(path);
  const cache = hostCache(cache_dir);
  if (cache === null || !isInside(folder, cache)) return folder;
  return relative(cache, folder).split(sep).slice(0, 2).join("/");
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
