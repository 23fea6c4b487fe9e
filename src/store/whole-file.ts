/** Small files that appear whole: written beside their place, then renamed into it. */
import { rename, rm, writeFile } from "node:fs/promises";

/** Name of the draft that becomes `path`. */
export const draftOf = (path: string): string => `${path}.draft`;

/**
 * Writes a text file that appears whole; what stood there before stays until then, and where writing
 * fails. Two processes must not write one at the same time.
 *
 * @throws the error of the file system
 */
export async function writeWholeFile(path: string, content: string, draft = draftOf(path)): Promise<void> {
  try {
    await writeFile(draft, content);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => {});
    throw error;
  }
}
