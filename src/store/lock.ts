/**
 * One process at a time for one piece of work. A lock is a file that holds the process id; it is
 * taken with an exclusive create, released by removal, and taken over at once when its process is
 * gone. A process on another machine (shared folders) cannot be asked; its lock counts for an hour.
 */
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { withStorageErrors } from "./storage-error.js";

const POLL_MILLISECONDS = 100;
const FOREIGN_LOCK_MILLISECONDS = 60 * 60 * 1000;

/** Whether a process of this machine runs. */
export function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/**
 * Waits for the lock, runs `work`, releases it.
 *
 * @param path lock file; its folder is made where it does not exist
 * @throws the signal's reason when aborted while waiting; PruneError `storage` where the folder cannot be written
 */
export async function withLock<T>(path: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  await withStorageErrors(`cannot lock ${path}`, () => mkdir(dirname(path), { recursive: true }));
  while (!(await tryLock(path))) {
    if (await isStale(path)) await rm(path, { force: true });
    else await sleep(POLL_MILLISECONDS, undefined, signal === undefined ? {} : { signal });
    signal?.throwIfAborted();
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function tryLock(path: string): Promise<boolean> {
  return withStorageErrors(`cannot lock ${path}`, async () => {
    try {
      await writeFile(path, JSON.stringify({ pid: process.pid, host: hostname() }), { flag: "wx" });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
      throw error;
    }
  });
}

async function isStale(path: string): Promise<boolean> {
  try {
    const age = Date.now() - (await stat(path)).mtimeMs;
    const text = await readFile(path, "utf8");
    // Between create and write a lock is empty for a moment.
    if (text === "") return age > 1000;
    const { pid, host } = JSON.parse(text) as { pid: number; host: string };
    return host === hostname() ? !isAlive(pid) : age > FOREIGN_LOCK_MILLISECONDS;
  } catch {
    return false; // released meanwhile
  }
}
