/**
 * The sessions of one load. The host opens them side by side and forgets the others when one fails,
 * so whoever may have to clean up keeps them here.
 */
import type { RuntimeSession } from "../runtime/index.js";

/** Remembers sessions until it is clear that the load went well. */
export class SessionKeeper {
  private readonly opening = new Set<Promise<unknown>>();
  private readonly opened = new Set<RuntimeSession>();
  private readonly stop = new AbortController();

  /** Aborted when the load has failed. */
  readonly signal: AbortSignal = this.stop.signal;

  /**
   * Opens something, unless the load has failed already.
   *
   * @param work is given a function that every session it opens for the host must pass through
   */
  async open<T>(work: (keep: (session: RuntimeSession) => RuntimeSession) => Promise<T>): Promise<T> {
    this.signal.throwIfAborted();
    const opening = work((session) => {
      this.opened.add(session);
      return session;
    });
    this.opening.add(opening);
    try {
      return await opening;
    } finally {
      this.opening.delete(opening);
    }
  }

  /** The load has failed: stops what is under way, waits for it, and releases what is open. */
  async release(): Promise<void> {
    this.stop.abort(new Error("another part of the model could not be loaded"));
    await Promise.allSettled(this.opening);
    // Some may have been released by the host; the runtime refuses that with an error.
    await Promise.all([...this.opened].map((session) => session.release().catch(() => undefined)));
    this.opened.clear();
  }
}
