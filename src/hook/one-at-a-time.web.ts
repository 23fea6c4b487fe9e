/**
 * ONNX Runtime in browsers opens one session at a time, and runs one: a second call meanwhile fails
 * ("Session already started"). The host lines its own calls up, but does not know ours, so all calls of
 * all sessions stand in one line here.
 */
import type { InferenceSessionClass } from "./onnx-runtime.js";

let last: Promise<unknown> = Promise.resolve();

/** Runs `work` when what came before it has ended, well or not. It must not wait for more work of the line. */
export function oneAtATime<T>(work: () => Promise<T>): Promise<T> {
  const own = last.then(work);
  last = own.catch(() => {});
  return own;
}

/** Makes every session's `run` wait for its turn. */
export function lineUpRuns({ prototype }: InferenceSessionClass): void {
  const { run } = prototype;
  prototype.run = function (this: unknown, ...args: unknown[]) {
    return oneAtATime(() => run.apply(this as never, args as never));
  };
}
