/** The files beside a model's session files, in Node: they lie in its folder. */

import { readSideFiles } from "./export-files.js";
import { folderOnDisk, type ResolvedModel } from "./resolve-files.js";
import type { LoadOptions } from "./tokenizer.js";

/** A side file as text: in Node nobody asks, because keys read them from the disk (key-parts.node.ts). */
export const readSideText = async (_id: string | null, _name: string, _options: LoadOptions): Promise<string | null> =>
  null;

/**
 * Config, tokenizer and the rest, by name.
 *
 * @throws PruneError `unsupported` where the host keeps the model in memory
 */
export const sideFilesOf = (found: ResolvedModel): Promise<ReadonlyMap<string, Uint8Array>> =>
  readSideFiles(folderOnDisk(found));
