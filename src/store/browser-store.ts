/**
 * Pruned models in the browser's own storage (the Cache API): entries are responses under addresses of
 * ours, which no server is ever asked for. A response is stored whole or not at all, and the record is
 * stored last, so an entry without one is a rest, which the next draft of any entry clears away unless
 * somebody holds it.
 */
import { PruneError } from "../errors.js";
import { digest } from "./digest.js";
import { dataFilesOf, pathIn } from "./entry-paths.js";
import { type EntryFile, isRecord, type PruneRecord, RECORD_NAME } from "./record.js";
import type { EntryDraft, ResultStore } from "./result-store.js";
import { unfinishedInMemory } from "./unfinished.js";

/** Addresses in a Cache must be http(s); names under `.invalid` never resolve (RFC 2606). */
const ORIGIN = "https://transformers-prune.invalid";

/**
 * The store in a Cache of this origin, or why there is none, in words.
 *
 * @param name of the Cache
 */
export async function browserStore(name: string): Promise<ResultStore | string> {
  const cache = await openCache(name);
  if (typeof cache === "string") return cache;
  return {
    hash: async (source) => digest(await source.read(0, source.size)),
    exclusively: (entry, signal, work) => exclusively(lockOf(name, entry), signal, work),
    read: (entry, key) => readRecord(cache, entry, key),
    unfinished: () => unfinishedInMemory(),
    async draft(entry) {
      await clearRests(cache, name, entry);
      return CacheDraft.create(cache, entry);
    },
    async open(entry, fileName) {
      const bytesOf = async (path: string) =>
        new Uint8Array(await ((await cache.match(addressOf(entry, path))) as Response).arrayBuffer());
      const data = dataFilesOf(fileName, await pathsOf(cache, entry)).sort();
      const externalData: { path: string; data: Uint8Array }[] = [];
      for (const path of data) externalData.push({ path, data: await bytesOf(path) });
      return { input: await bytesOf(fileName), ...(externalData.length > 0 && { externalData }) };
    },
  };
}

/** The Cache, or why the browser gives none. In a sandboxed frame even asking whether there is one throws. */
async function openCache(name: string): Promise<Cache | string> {
  try {
    if (typeof caches !== "undefined" && globalThis.crypto?.subtle !== undefined) return await caches.open(name);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    return `not cached: the browser gives this page no storage (${why}); allow it to keep data for this site, and a frame allow-same-origin`;
  }
  return "not cached: browsers keep nothing for pages without a secure context; serve the page by https or from localhost";
}

const folderOf = (entry: string): string => `${ORIGIN}/${encodeURIComponent(entry)}/`;
const addressOf = (entry: string, path: string): string => folderOf(entry) + encodeURIComponent(path);

/** Paths of the files of an entry, the record included. */
async function pathsOf(cache: Cache, entry: string): Promise<string[]> {
  const folder = folderOf(entry);
  return (await cache.keys())
    .filter(({ url }) => url.startsWith(folder))
    .map(({ url }) => decodeURIComponent(url.slice(folder.length)));
}

/** One page or worker of this origin at a time. */
function exclusively<T>(lock: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  const options = signal === undefined ? {} : { signal };
  return navigator.locks.request(lock, options, work) as Promise<T>;
}

const lockOf = (name: string, entry: string): string => `transformers-prune ${name}/${entry}`;

/**
 * Removes what was left of other entries when a page was closed over them: no record, and nobody who holds them.
 *
 * @param name of the Cache
 * @param own the entry that is about to be written, which its writer holds and clears
 */
async function clearRests(cache: Cache, name: string, own: string): Promise<void> {
  const urls = (await cache.keys()).map(({ url }) => url).filter((url) => url.startsWith(`${ORIGIN}/`));
  const entries = new Set(urls.map((url) => decodeURIComponent(url.slice(ORIGIN.length).split("/")[1] ?? "")));
  for (const entry of entries) {
    if (entry === own || urls.includes(addressOf(entry, RECORD_NAME))) continue;
    await navigator.locks.request(lockOf(name, entry), { ifAvailable: true }, async (lock) => {
      // Somebody may have ended it while others were looked through.
      const isRest = lock !== null && (await cache.match(addressOf(entry, RECORD_NAME))) === undefined;
      if (isRest) await clear(cache, entry);
    });
  }
}

/** Removes whatever there is of an entry, the record first. */
async function clear(cache: Cache, entry: string): Promise<void> {
  const paths = await pathsOf(cache, entry);
  for (const path of paths.sort((a, b) => Number(b === RECORD_NAME) - Number(a === RECORD_NAME)))
    await cache.delete(addressOf(entry, path));
}

/** Browsers may clear an origin's storage, but as a whole; an entry that lacks a file all the same is none. */
async function readRecord(cache: Cache, entry: string, key: string): Promise<PruneRecord | null> {
  const text = await (await cache.match(addressOf(entry, RECORD_NAME)))?.text();
  const record = text === undefined ? null : parsed(text);
  if (!isRecord(record) || record.key !== key) return null;
  const paths = new Set(await pathsOf(cache, entry));
  return record.files.every(({ name }) => paths.has(name)) ? record : null;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** A file on its way into the Cache. */
interface OpenFile {
  readonly writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly stored: Promise<void>;
  bytes: number;
}

/** An entry while it is written. What it replaces is cleared first: both would need twice the room. */
class CacheDraft implements EntryDraft {
  private readonly open = new Map<string, OpenFile>();
  private readonly done: EntryFile[] = [];
  private committed = false;
  private record: string | Uint8Array = "";

  private constructor(
    private readonly cache: Cache,
    private readonly entry: string,
  ) {}

  static async create(cache: Cache, entry: string): Promise<CacheDraft> {
    await clear(cache, entry);
    return new CacheDraft(cache, entry);
  }

  sink(subfolder: string) {
    return {
      write: async (fileName: string, chunk: Uint8Array): Promise<void> => {
        const file = this.file(pathIn(subfolder, fileName));
        file.bytes += chunk.byteLength;
        // Where storing fails, the stream is cancelled and a write would wait or fail without a reason.
        await withStorageErrors(Promise.race([file.stored, file.writer.write(chunk)]));
      },
    };
  }

  async write(name: string, content: string | Uint8Array): Promise<void> {
    if (name === RECORD_NAME) this.record = content;
    else await this.put(name, content as string | Uint8Array<ArrayBuffer>);
    const bytes = typeof content === "string" ? new TextEncoder().encode(content).length : content.length;
    this.done.push({ name, bytes, sha256: null });
  }

  async finishFiles(): Promise<readonly EntryFile[]> {
    for (const [name, { writer, stored, bytes }] of this.open) {
      await withStorageErrors(Promise.all([stored, writer.close()]));
      this.open.delete(name);
      this.done.push({ name, bytes, sha256: null });
    }
    return [...this.done];
  }

  async commit(): Promise<void> {
    await this.finishFiles();
    await this.put(RECORD_NAME, this.record as string | Uint8Array<ArrayBuffer>);
    this.committed = true;
  }

  async discard(): Promise<void> {
    if (this.committed) return;
    for (const { writer, stored } of this.open.values()) {
      // Not waited for: a write that nobody will ever read from holds it up. What counts is that storing has ended.
      writer.abort().catch(() => {});
      await stored.catch(() => {});
    }
    this.open.clear();
    await clear(this.cache, this.entry).catch(() => {});
  }

  private put(name: string, body: BodyInit): Promise<void> {
    return withStorageErrors(this.cache.put(addressOf(this.entry, name), new Response(body)));
  }

  private file(name: string): OpenFile {
    const existing = this.open.get(name);
    if (existing !== undefined) return existing;
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const stored = this.cache.put(addressOf(this.entry, name), new Response(readable));
    stored.catch(() => {}); // whoever writes next hears of it
    const fresh = { writer: writable.getWriter(), stored, bytes: 0 };
    this.open.set(name, fresh);
    return fresh;
  }
}

/** What the browser says of its storage, in the package's voice. */
async function withStorageErrors(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (cause) {
    const full = (cause as { name?: string } | undefined)?.name === "QuotaExceededError";
    const { usage, quota } = await (navigator.storage?.estimate?.() ?? {});
    const room = usage === undefined || quota === undefined ? "" : ` (${megabytes(usage)} of ${megabytes(quota)} used)`;
    throw new PruneError(
      "storage",
      full
        ? `the browser's storage for this site is full${room}; clear some of it, or ask for more with navigator.storage.persist()`
        : `the browser cannot store the pruned model${room}: ${cause instanceof Error ? cause.message : String(cause)}`,
      { details: { full }, cause },
    );
  }
}

const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
