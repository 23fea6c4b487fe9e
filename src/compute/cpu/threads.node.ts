/**
 * Worker threads as the pool sees them: Node's. The browser's twin starts Web Workers.
 *
 * Where the worker's file is: `worker.mjs` lies beside the file that this module ends up in, that is
 * here in the source tree, and in dist/ beside the bundles (tsup copies it there, and `shims` gives
 * CommonJS an import.meta.url). A bundle anywhere else passes `workerUrl`.
 */
import { setMaxListeners } from "node:events";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";

/** A thread that answers every message with one message. */
export interface Thread {
  /**
   * Sends a message and gives the reply, before the next is sent.
   *
   * @param transfer what of the message changes hands instead of being copied
   * @throws why the thread died
   */
  readonly ask: (value: unknown, transfer: readonly ArrayBuffer[]) => Promise<unknown>;
  readonly end: () => Promise<void>;
}

/** What a thread needs to start. */
export interface ThreadStart {
  /** The kernel. */
  readonly module: WebAssembly.Module | undefined;
  /** Where its script is, unless it is the package's own. */
  readonly workerUrl?: URL | undefined;
}

/**
 * Starts a thread.
 *
 * @param died called when it ends, before anybody who waits for it is told; perhaps twice
 */
export function startThread({ module, workerUrl }: ThreadStart, died: (cause: unknown) => void): Thread {
  // Flags of this process (a loader, an inspector port) are not meant for its workers.
  const worker = new Worker(workerUrl ?? new URL("./worker.mjs", import.meta.url), {
    workerData: module,
    execArgv: [],
  });
  worker.unref(); // A thread without work keeps no process alive.
  worker.on("error", died);
  worker.on("exit", (code) => died(endedWith(code)));
  return {
    ask: (value, transfer) => {
      worker.ref();
      return replyOf(worker, () => worker.postMessage(value, transfer)).finally(() => worker.unref());
    },
    end: async () => void (await worker.terminate()),
  };
}

/** How many threads the machine runs side by side. */
export function parallelism(): number {
  return availableParallelism();
}

/** All weights of a model wait on one signal; that is no leak, and Node shall not warn of it. */
export function expectManyListeners(signal: AbortSignal): void {
  setMaxListeners(0, signal);
}

const endedWith = (code: number) => new Error(`a worker thread ended with code ${code}`);

/** Waits for the reply or for the worker's death. */
function replyOf(worker: Worker, send: () => void): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const listeners = {
      message: (reply: unknown) => finish(() => resolve(reply)),
      messageerror: (error: Error) => finish(() => reject(error)),
      error: (error: unknown) => finish(() => reject(error)),
      exit: (code: number) => finish(() => reject(endedWith(code))),
    };
    const finish = (then: () => void) => {
      for (const [event, listener] of Object.entries(listeners)) worker.off(event, listener);
      then();
    };
    for (const [event, listener] of Object.entries(listeners)) worker.on(event, listener);
    send();
  });
}
