/** Pauses in long loops, so that a page stays alive and an abort is heard. */

/** How long loops may keep the thread. */
const LONGEST_MS = 30;

/** Lets others have a turn, and the signal be looked at, whenever enough time has passed. */
export class Pauses {
  private last = performance.now();

  constructor(private readonly signal: AbortSignal | undefined) {}

  /** Call it between pieces of work of a few milliseconds at most.
   *  @throws the signal's reason when it is aborted */
  async between(): Promise<void> {
    if (performance.now() - this.last < LONGEST_MS) return;
    await new Promise((resolve) => setTimeout(resolve));
    this.signal?.throwIfAborted();
    this.last = performance.now();
  }
}
