/** Errors of the file system in the package's voice: what was to be done, why it failed, what helps. */
import { PruneError } from "../errors.js";

const NO_PERMISSION = "no permission: name a folder you may write to";

const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full: free some space or name another folder",
  EDQUOT: "the quota is used up: free some space or name another folder",
  EFBIG: "the file system or the shell (ulimit -f) allows no file of that size: name another folder",
  EACCES: NO_PERMISSION,
  EPERM: NO_PERMISSION,
  EROFS: "the file system is read-only: name another folder",
  ENOENT: "it does not exist: check the path",
  ENOTDIR: "a part of the path is a file: name another folder",
  EBUSY: "it is in use, or the root of a mounted volume: name a folder inside it",
};

/** Runs `work`; a file system error becomes a `PruneError` `storage` that says what `doing` failed. */
export async function withStorageErrors<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException | undefined)?.code;
    if (cause instanceof PruneError || code === undefined || !/^E[A-Z0-9]+$/.test(code)) throw cause;
    const why = REMEDIES[code] ?? (cause as Error).message;
    throw new PruneError("storage", `${doing}: ${why} (${code}); nothing was changed`, { details: { code }, cause });
  }
}
