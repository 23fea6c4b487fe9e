/** Where pruned models are kept: folders that appear whole, with a record, under a lock. */
export { type PruneRecord, RECORD_NAME, readEntry, stampEntry } from "./entry.js";
export { type DraftFile, FolderDraft } from "./folder-draft.js";
export { withLock } from "./lock.js";
export { contentHash } from "./source-hash.js";
export { sha256 } from "./stamp.js";
export { withStorageErrors } from "./storage-error.js";
