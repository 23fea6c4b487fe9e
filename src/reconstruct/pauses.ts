/** Pauses in long loops on the main thread, so that a page stays alive and an abort is heard. */

/** Milliseconds of work between two pauses. */
const STRETCH = 30;

/**
 * A function to be awaited between steps of a loop: it gives other tasks a turn where the last one was long ago.
 *
 * @returns it rejects with the signal's reason once that is aborted
 */
export function pauses(signal: AbortSignal | undefined): () => Promise<void> | undefined {
  let last = performance.now();
  return () => {
    if (performance.now() - last < STRETCH) return undefined;
    return new Promise((resolve) => setTimeout(resolve)).then(() => {
      signal?.throwIfAborted();
      last = performance.now();
    });
  };
}
