/** Where pruned models are kept: what any store is, and those that need no disk. Folders are in folders.ts. */
export { browserStore } from "./browser-store.js";
export { digest } from "./digest.js";
export { memoryStore } from "./memory-store.js";
export { type EntryFile, type PruneRecord, RECORD_NAME } from "./record.js";
export type { EntryDraft, HashSource, KeptFile, ResultStore } from "./result-store.js";
export { type FinishedPart, type Unfinished, unfinishedInMemory } from "./unfinished.js";
