/**
 * Names of drafts, which say whose they are: `.NAME.draft-PID-STARTED-HOST-RANDOM` beside the folder
 * NAME. By them a run finds what killed processes left behind, for whichever folder, and leaves alone
 * what others still write.
 */
import { randomBytes } from "node:crypto";
import { lstat, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { isGone, THIS_PROCESS } from "./process-identity.js";
import { sha256 } from "./stamp.js";

const NAME = /^\.(?<target>.+)\.draft-(?<pid>\d+)-(?<started>\d+)-(?<host>[0-9a-f]{8})-[0-9a-f]{8}(?<end>-replaced)?$/;

/** Host names may hold dashes and dots. */
const hostMark = sha256(THIS_PROCESS.host).slice(0, 8);

/** A path for a new draft of the folder `target`. */
export function newDraftPath(target: string): string {
  const { pid, started } = THIS_PROCESS;
  const random = randomBytes(4).toString("hex");
  return join(dirname(target), `.${basename(target)}.draft-${pid}-${started}-${hostMark}-${random}`);
}

/** Where a folder goes while the draft takes its place. */
export const replacedPath = (draft: string): string => `${draft}-replaced`;

/**
 * Removes the drafts in `folder` whose process was killed. Where it was killed between the two
 * renames that put a draft in its place, what stood there is put back.
 */
export async function clearDeadDrafts(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const { target, pid, started, host, end } = NAME.exec(name)?.groups ?? {};
    // A draft of another machine is cleared there.
    if (target === undefined || host !== hostMark) continue;
    if (!isGone({ pid: Number(pid), started: Number(started), host: THIS_PROCESS.host })) continue;
    const path = join(folder, name);
    if (end !== undefined && !(await exists(join(folder, target)))) await rename(path, join(folder, target));
    else await rm(path, { recursive: true, force: true });
  }
}

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );
