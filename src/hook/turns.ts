/**
 * One prune after the other: two models (or two files of one) at once would need the memory of both.
 * The line is one per process and copy of this package.
 */
import { isInTurn, runInTurn } from "./turn-context.node.js";

let last: Promise<unknown> = Promise.resolve();

/**
 * Runs `work` when all work before it has ended, well or not.
 *
 * @throws the signal's reason as soon as it is aborted while waiting; whatever `work` throws
 */
export async function inTurn<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  // What a user's `run()` loads inside of a turn must not wait for that very turn to end.
  if (isInTurn()) return work();
  const before = last;
  const left = new Occasion();
  last = before.then(() => left.promise);
  try {
    await orAborted(before, signal);
    return await runInTurn(work);
  } finally {
    left.come();
  }
}

/**
 * Waits for `promise`, but no longer than until the signal is aborted.
 *
 * @throws the signal's reason
 */
export async function orAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop);
  });
  try {
    await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Something that happens once, to be waited for. */
export class Occasion {
  readonly promise: Promise<void>;
  come = () => {};

  constructor() {
    this.promise = new Promise((resolve) => {
      this.come = resolve;
    });
  }
}
