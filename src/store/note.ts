/**
 * Notes: small JSON files that only save time. One that is missing, damaged or cannot be written
 * costs a repetition and nothing else, so none of this is an error.
 */
import { mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { writeWholeFile } from "./whole-file.js";

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
  try {
    await mkdir(dirname(path), { recursive: true });
    // Processes may write the same note at once: each has a draft of its own.
    await writeWholeFile(path, JSON.stringify(value), `${path}.${process.pid}`);
  } catch {}
}
