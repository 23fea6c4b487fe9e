/** What a model is called, and its tokenizer, in Node, where a model may be known by the path of a session file alone. */
import { existsSync } from "node:fs";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { PruneError } from "../errors.js";
import { hostCache, isInside, isSessionFile, modelFolder, placeOf } from "./model-folders.js";
import { type HostTokenizer, type LoadOptions, missingTokenizer, tokenizerOf } from "./tokenizer.js";

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
  if (place === null) throw missingTokenizer(id ?? path);
  return tokenizerOf(place.id, place.options);
}

/** A model's name for messages: its Hub id where its file lies in the host's cache, else its directory. */
export function modelNameAt(path: string | null, cache_dir: string | null): string {
  if (path === null) return "the model";
  const folder = modelFolder(path);
  const cache = hostCache(cache_dir);
  if (cache === null || !isInside(folder, cache)) return folder;
  return relative(cache, folder).split(sep).slice(0, 2).join("/");
}

/** Folder with a model's config and the rest, whose session file lies at a path; null where there is no path. */
export const folderOf = (path: string | null): string | null => (path === null ? null : modelFolder(path));
