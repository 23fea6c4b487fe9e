/**
 * Who wrote a lock or a draft, and whether that process still runs. A process id alone is not
 * enough: in a container the process that was killed and the one that starts next often have the
 * same id, so the time at which the process began is noted beside it.
 */
import { hostname } from "node:os";

/** A process of some machine, as plain data. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Milliseconds since the epoch at which the process began. */
  readonly started: number;
  readonly host: string;
}

/** This process. */
export const THIS_PROCESS: ProcessIdentity = {
  pid: process.pid,
  started: Math.round(performance.timeOrigin),
  host: hostname(),
};

/**
 * Whether a process is known to be gone. False for a process of another machine, which cannot be
 * asked, and for another one that has taken over its id.
 */
export function isGone({ pid, started, host }: ProcessIdentity): boolean {
  if (host !== THIS_PROCESS.host) return false;
  if (pid === THIS_PROCESS.pid) return started !== THIS_PROCESS.started;
  try {
    process.kill(pid, 0); // signal 0 only asks
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}
