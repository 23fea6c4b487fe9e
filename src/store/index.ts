/** Where pruned models are kept: folders that appear whole, with a record, under a lock. */
export { contentHash, hashMemory, rememberHash } from "./content-hash.js";
export { type PruneRecord, RECORD_NAME, readEntry } from "./entry.js";
export { type DraftFile, FolderDraft } from "./folder-draft.js";
export { hashSpeed } from "./hash-speed.js";
export { withLock } from "./lock.js";
export { sha256 } from "./stamp.js";
export { withStorageErrors } from "./storage-error.js";
export { draftOf, writeWholeFile } from "./whole-file.js";
