/**
 * Notes: small JSON files that only save time. One that is missing, damaged or cannot be written
 * costs a repetition and nothing else, so none of this is an error.
 */
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/** What a JSON file holds, of whatever shape; null where it is missing or damaged. */
export async function readNote(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch {
    return null;
  }
}

/** Writes a JSON file that appears whole. */
export async function writeNote(path: string, value: unknown): Promise<void> {
  const draft = `${path}.${process.pid}`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(draft, JSON.stringify(value));
    await rename(draft, path);
  } catch {
    await rm(draft, { force: true }).catch(() => {});
  }
}
