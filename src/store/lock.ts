/**
 * One process at a time for one piece of work. A lock is a file that says whose it is; it is taken
 * by an exclusive create and released by removal. A lock whose process is gone is taken over at
 * once. Its holder renews it now and then, so one that nobody renews is stale too: its process hangs,
 * runs on a machine that is gone, or was killed before another process got its id.
 */
import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rm, stat, utimes } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isGone, type ProcessIdentity, THIS_PROCESS } from "./process-identity.js";
import { withStorageErrors } from "./storage-error.js";

const POLL_MILLISECONDS = 100;
const RENEW_MILLISECONDS = 10_000;
/** A lock that nobody renewed for so long, watched by the one who waits, is stale: clocks of machines may differ. */
const STALE_MILLISECONDS = 60_000;
/** A lock without a readable owner is being written at this moment, or its process was killed then. */
const UNSIGNED_STALE_MILLISECONDS = 1_000;

/** A lock file as it was seen. */
interface SeenLock {
  /** Its content, by which it is told from any other lock. */
  readonly text: string;
  /** Changes when the holder renews it. */
  readonly renewed: number;
}

/**
 * Waits for the lock, runs `work`, releases it.
 *
 * @param path lock file; its folder is made where it does not exist
 * @throws the signal's reason when aborted while waiting; PruneError `storage` where the folder cannot be written
 */
export async function withLock<T>(path: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  await withStorageErrors(`cannot lock ${path}`, () => mkdir(dirname(path), { recursive: true }));
  const content = await acquire(path, signal);
  const renewal = setInterval(() => utimes(path, new Date(), new Date()).catch(() => {}), RENEW_MILLISECONDS);
  renewal.unref();
  try {
    return await work();
  } finally {
    clearInterval(renewal);
    await release(path, content);
  }
}

/** Creates the lock, waiting for its holder where there is one; returns the content that makes it ours. */
async function acquire(path: string, signal: AbortSignal | undefined): Promise<string> {
  const content = JSON.stringify({ ...THIS_PROCESS, token: randomUUID() });
  let seen: SeenLock | null = null;
  let seenSince = 0;
  for (;;) {
    signal?.throwIfAborted();
    if (await create(path, content)) return content;
    const lock = await look(path);
    if (lock === null) continue; // released meanwhile
    if (seen === null || lock.text !== seen.text || lock.renewed !== seen.renewed) {
      seen = lock;
      seenSince = performance.now();
    }
    if (isStale(lock, performance.now() - seenSince)) await removeStale(path, lock, signal);
    // An abort ends the pause; the loop then throws its reason.
    else await sleep(POLL_MILLISECONDS, undefined, { ...(signal && { signal }) }).catch(() => {});
  }
}

/** @returns false where somebody has the lock */
function create(path: string, content: string): Promise<boolean> {
  return withStorageErrors(`cannot lock ${path}`, async () => {
    const file = await open(path, "wx").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "EEXIST") return null;
      throw error;
    });
    if (file === null) return false;
    try {
      await file.writeFile(content);
    } catch (error) {
      await rm(path, { force: true }); // a full disk: an empty lock would keep others waiting
      throw error;
    } finally {
      await file.close();
    }
    return true;
  });
}

/** The lock as it stands, null where there is none. */
function look(path: string): Promise<SeenLock | null> {
  return withStorageErrors(`cannot read the lock ${path}`, async () => {
    try {
      return { text: await readFile(path, "utf8"), renewed: (await stat(path)).mtimeMs };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw error;
    }
  });
}

/** @param unchangedFor milliseconds for which we have seen the lock as it is */
function isStale({ text }: SeenLock, unchangedFor: number): boolean {
  const owner = ownerOf(text);
  if (owner === null) return unchangedFor > UNSIGNED_STALE_MILLISECONDS;
  return isGone(owner) || unchangedFor > STALE_MILLISECONDS;
}

function ownerOf(text: string): ProcessIdentity | null {
  try {
    const owner = JSON.parse(text) as ProcessIdentity;
    return Number.isSafeInteger(owner.pid) && owner.pid > 0 ? owner : null;
  } catch {
    return null;
  }
}

/**
 * Removes a stale lock, unless somebody else has done so. Of several processes that found it stale
 * only the one with the lock on the removal may look again and remove: else a slow one would remove
 * the fresh lock of a quick one.
 */
async function removeStale(path: string, stale: SeenLock, signal: AbortSignal | undefined): Promise<void> {
  await withLock(`${path}.removal`, signal, async () => {
    if ((await look(path))?.text !== stale.text) return;
    await withStorageErrors(`cannot remove the stale lock ${path}`, () => rm(path, { force: true }));
  });
}

/** What cannot be removed is not worth losing the work for: the lock is stale when this process ends. */
async function release(path: string, content: string): Promise<void> {
  const lock = await look(path).catch(() => null);
  if (lock?.text === content) await rm(path, { force: true }).catch(() => {});
}
