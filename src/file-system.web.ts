/** The browser's twin of `file-system.node.ts`: there is none, and the error says what to do instead. */
import { PruneError } from "./errors.js";
import type { FileSystem, FileSystemUse } from "./file-system.node.js";

export type { FileSystem, FileSystemUse, OpenFile } from "./file-system.node.js";

/**
 * Refuses.
 *
 * @throws PruneError `unsupported`
 */
export function fileSystem({ refusal, remedy, file }: FileSystemUse): FileSystem {
  throw new PruneError("unsupported", `${refusal}, because a page has no file system; ${remedy}`, {
    details: file === undefined ? {} : { file },
  });
}
