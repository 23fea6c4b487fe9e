/** Stores on a disk, for Node: folders that appear whole, with a record, under a lock. */
export { contentHash, hashMemory, rememberHash } from "./content-hash.js";
export { readEntry } from "./entry.js";
export { FolderDraft } from "./folder-draft.js";
export { folderStore, sourceHasher } from "./folder-store.js";
export { hashSpeed } from "./hash-speed.js";
export { withLock } from "./lock.js";
export { type EntryFile, type PruneRecord, RECORD_NAME } from "./record.js";
export type { EntryDraft } from "./result-store.js";
export { sha256 } from "./stamp.js";
export { withStorageErrors } from "./storage-error.js";
export { UNFINISHED, unfinishedInFolder } from "./unfinished-folder.js";
export { draftOf, writeWholeFile } from "./whole-file.js";
