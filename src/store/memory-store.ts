/** Pruned models in memory, for those who want the files and not a place for them. */
import { digest } from "./digest.js";
import { dataFilesOf, pathIn } from "./entry-paths.js";
import { type EntryFile, isRecord, RECORD_NAME } from "./record.js";
import type { EntryDraft, ResultStore } from "./result-store.js";
import { unfinishedInMemory } from "./unfinished.js";

/** Files by their path in the entry. */
type Files = ReadonlyMap<string, Blob>;

/** A store that lives as long as it is referred to. */
export function memoryStore(): ResultStore {
  const entries = new Map<string, Files>();
  const lines = new Map<string, Promise<unknown>>();
  return {
    hash: async (source) => digest(await source.read(0, source.size)),
    exclusively(entry, signal, work) {
      const own = (lines.get(entry) ?? Promise.resolve()).then(() => {
        signal?.throwIfAborted();
        return work();
      });
      lines.set(
        entry,
        own.catch(() => {}),
      );
      return own;
    },
    async read(entry, key) {
      const text = await entries.get(entry)?.get(RECORD_NAME)?.text();
      const record: unknown = text === undefined ? null : JSON.parse(text);
      return isRecord(record) && record.key === key ? record : null;
    },
    unfinished: () => unfinishedInMemory(),
    draft: async (entry) => memoryDraft((files) => entries.set(entry, files)),
    open: async (entry, fileName) => {
      const files = entries.get(entry) as Files;
      const data = (path: string) => ({ path, data: files.get(path) as Blob });
      return { input: files.get(fileName) as Blob, externalData: dataFilesOf(fileName, [...files.keys()]).map(data) };
    },
  };
}

/** A draft whose files are handed over when it is committed. */
function memoryDraft(onCommit: (files: Files) => void): EntryDraft {
  const chunks = new Map<string, BlobPart[]>();
  const write = (name: string, part: BlobPart) => {
    const parts = chunks.get(name) ?? [];
    chunks.set(name, parts);
    parts.push(part);
  };
  const files = () => [...chunks].map(([name, parts]) => [name, new Blob(parts)] as const);
  return {
    sink: (subfolder) => ({
      write: async (fileName, chunk) => write(pathIn(subfolder, fileName), chunk as Uint8Array<ArrayBuffer>),
    }),
    write: async (name, content) => write(name, content as string | Uint8Array<ArrayBuffer>),
    finishFiles: async () => files().map(([name, { size }]): EntryFile => ({ name, bytes: size, sha256: null })),
    commit: async () => onCommit(new Map(files())),
    discard: async () => chunks.clear(),
  };
}
