/**
 * Where a model's side files are, and its tokenizer, in browsers: session files come as bytes, so a
 * model is known by its id alone, and the host's rules say where its files are fetched from.
 */
import { type HostTokenizer, type LoadOptions, missingTokenizer, tokenizerOf } from "./tokenizer.js";

/** A model as the host takes it. */
export const modelIdOrFolder = (model: string): { readonly id: string; readonly isFolder: boolean } => ({
  id: model,
  isFolder: false,
});

/**
 * The tokenizer of a model.
 *
 * @param id Hub id; null: nobody knows it
 * @throws PruneError `not-found` where there is none; the message says how to do without
 */
export async function loadTokenizer(
  id: string | null,
  _path: string | null,
  options: LoadOptions,
): Promise<HostTokenizer> {
  if (id === null) throw missingTokenizer(null);
  return tokenizerOf(id, options);
}

/** A model's name for messages, where only its bytes are known. */
export const modelNameAt = (_path: string | null, _cache_dir: string | null): string => "the model";

/** Folder with a model's config and the rest: there are no folders here. */
export const folderOf = (_path: string | null): string | null => null;
