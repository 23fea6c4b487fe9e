/**
 * Where a model's side files are, and its tokenizer. The host keeps `config.json`, the tokenizer and
 * the rest beside the `onnx/` folder, in a local directory as in its cache.
 */
import { existsSync } from "node:fs";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import type { Tokenizer } from "../calibrate/index.js";
import { PruneError } from "../errors.js";
import { host } from "./host.js";

/** The host's loading options that this package passes on. */
export interface LoadOptions {
  readonly cache_dir?: string | null;
  readonly local_files_only?: boolean;
  readonly revision?: string;
}

/** The directory of a model whose session file lies at `path`: the folder above `onnx/`, or the file's own. */
export function modelFolder(path: string): string {
  const folder = dirname(path);
  return existsSync(join(folder, "config.json")) ? folder : dirname(folder);
}

/** A model as the host takes it: an existing directory by its absolute path, anything else as it is (a Hub id). */
export function modelIdOrFolder(model: string): { readonly id: string; readonly isFolder: boolean } {
  const folder = resolve(model);
  const isFolder = existsSync(join(folder, "config.json"));
  if (!isFolder && (isAbsolute(model) || /^\.{1,2}(?:[\\/]|$)/.test(model)))
    throw new PruneError(
      "not-found",
      `${model}: no model directory, it has no config.json; name a directory in the layout of transformers.js or a Hub id`,
    );
  return isFolder ? { id: folder, isFolder } : { id: model, isFolder };
}

/** Folder of our cache: beside the host's own files, so that clearing one clears both. Null where the host keeps nothing on disk. */
export function cacheRootOf(cache_dir: string | null | undefined): string | null {
  const { env } = host;
  const folder = cache_dir ?? env.cacheDir;
  return typeof folder === "string" && env.useFSCache ? join(resolve(folder), "transformers-prune") : null;
}

/**
 * The tokenizer of a model.
 *
 * @param id Hub id or directory; null: derived from `path`
 * @param path a session file of the model, null where it was given as bytes
 * @throws PruneError `not-found` where there is none; the message says how to do without
 */
export async function loadTokenizer(id: string | null, path: string | null, options: LoadOptions): Promise<Tokenizer> {
  const place = id === null ? placeOf(path) : { id, options };
  const missing = (cause?: unknown) =>
    new PruneError(
      "not-found",
      `no tokenizer for ${id ?? path ?? "a model given as bytes"}; calibrate with token ids, feeds or run() instead of text`,
      { cause },
    );
  if (place === null) throw missing();
  try {
    const tokenizer = await host.AutoTokenizer.from_pretrained(place.id, place.options as object);
    const bos = (tokenizer as { bos_token_id?: number | null }).bos_token_id;
    return {
      encode: (text) => tokenizer.encode(text, { add_special_tokens: false }),
      bosId: bos ?? null,
    };
  } catch (cause) {
    throw missing(cause);
  }
}

/** What the host would call the model whose file lies at `path`. */
function placeOf(path: string | null): { id: string; options: LoadOptions } | null {
  if (path === null) return null;
  const folder = modelFolder(path);
  if (existsSync(join(folder, "tokenizer.json"))) return { id: folder, options: { local_files_only: true } };
  // In the host's cache the tokenizer may be on its way; asking for it by id waits for it.
  const inCache = relative(resolve(host.env.cacheDir ?? "."), folder);
  if (inCache.startsWith("..") || isAbsolute(inCache)) return null;
  const [owner, name, revision] = inCache.split(sep);
  if (owner === undefined || name === undefined) return null;
  return { id: `${owner}/${name}`, options: revision === undefined ? {} : { revision } };
}
