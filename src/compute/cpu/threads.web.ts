/**
 * The browser's twin of `threads.node.ts`: Web Workers, started in a page or in a worker of its own. Their
 * script is in this bundle as text and started from a Blob, so that it works with any bundler and from a
 * CDN, whose scripts no page may start as workers.
 */
import type { Thread, ThreadStart } from "./threads.node.js";
import SCRIPT from "./web-worker.mjs?bundled";

export type { Thread, ThreadStart } from "./threads.node.js";

let scriptUrl: string | undefined;

/**
 * Starts a thread.
 *
 * @param died called when it ends, before anybody who waits for it is told
 * @throws where workers cannot be started at all
 */
export function startThread({ module, workerUrl }: ThreadStart, died: (cause: unknown) => void): Thread {
  if (typeof Worker === "undefined")
    throw new Error("no worker can be started here; prune in a page or in a dedicated worker of it");
  scriptUrl ??= URL.createObjectURL(new Blob([SCRIPT], { type: "text/javascript" }));
  const worker = new Worker(workerUrl ?? scriptUrl, { name: "transformers-prune" });
  worker.postMessage(module);
  let end = (_cause: unknown) => {};
  const death = new Promise<never>((_, reject) => {
    end = (cause) => {
      worker.terminate();
      died(cause);
      reject(cause);
    };
  });
  death.catch(() => {}); // A thread may end while nobody waits for it.
  worker.onerror = (event) => {
    event.preventDefault(); // It is told to whoever waits, and need not be told to the console as well.
    end(causeOf(event));
  };
  return {
    ask: (value, transfer) => {
      const reply = new Promise<unknown>((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onmessageerror = () => reject(new Error("the reply of a worker cannot be read"));
        worker.postMessage(value, [...transfer]);
      });
      return Promise.race([reply, death]);
    },
    end: async () => end(new Error("the worker was ended")),
  };
}

/** How many threads the machine runs side by side. */
export function parallelism(): number {
  return navigator.hardwareConcurrency;
}

/** Nothing: browsers do not warn of many listeners. */
export function expectManyListeners(_signal: AbortSignal): void {}

/** An error inside a worker has a message; a script that may not be started has none. */
function causeOf({ message }: Partial<ErrorEvent>): Error {
  if (message) return new Error(message);
  return new Error("the worker cannot be started; a Content-Security-Policy must allow worker-src blob:");
}
