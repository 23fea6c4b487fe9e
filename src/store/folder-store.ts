/** Pruned models as folders in a folder: the cache on a disk. */
import { join } from "node:path";
import { contentHash, hashMemory } from "./content-hash.js";
import { digest } from "./digest.js";
import { readEntry } from "./entry.js";
import { FolderDraft } from "./folder-draft.js";
import { withLock } from "./lock.js";
import type { HashSource, ResultStore } from "./result-store.js";
import { UNFINISHED, unfinishedInFolder } from "./unfinished-folder.js";

/**
 * Hashes sources: files by their content, which is remembered by path and stamp; the rest in memory.
 *
 * @param memory folder that remembers hashes of unchanged files, null for none
 */
export const sourceHasher =
  (memory: string | null): HashSource =>
  async (source, signal) =>
    source.path === undefined ? digest(await source.read(0, source.size)) : contentHash(source.path, memory, signal);

/** The store in a folder, which is made when something is kept. */
export function folderStore(root: string): ResultStore {
  const memory = hashMemory(root);
  const folderOf = (entry: string) => join(root, entry);
  return {
    hash: sourceHasher(memory),
    exclusively: (entry, signal, work) => withLock(`${folderOf(entry)}.lock`, signal, work),
    read: (entry, key) => readEntry(folderOf(entry), key, memory),
    unfinished: (entry) => unfinishedInFolder(`${folderOf(entry)}${UNFINISHED}`),
    draft: (entry) => FolderDraft.create(folderOf(entry), memory),
    // The runtime finds external data beside the file.
    open: async (entry, fileName) => ({ input: join(folderOf(entry), fileName) }),
  };
}
