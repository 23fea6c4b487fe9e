/**
 * A pool of worker threads, one job a thread at a time, the rest in a queue.
 *
 * Why not a library (tinypool fits best): a job's bytes must be fetched when its thread is
 * free and not when it is queued, or all weights of a model would be in memory at once; an aborted
 * job must leave its thread alive, with the kernel's memory and compiled code; and a library's own
 * worker file would be one more file to find from a bundle.
 *
 * Where the worker file is: `worker.mjs` lies beside the file that this module ends up in, that is
 * here in the source tree, and in dist/ beside the bundles (tsup copies it there, and `shims` gives
 * CommonJS an import.meta.url). A bundle anywhere else passes `workerUrl`.
 */
import { setMaxListeners } from "node:events";
import { type Transferable, Worker } from "node:worker_threads";

/** A message for a worker and what of it changes hands instead of being copied. */
export interface Message {
  readonly value: unknown;
  readonly transfer: readonly Transferable[];
}

interface Task {
  readonly prepare: () => Promise<Message>;
  readonly settled: () => boolean;
  readonly resolve: (reply: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/** Threads that answer every message with one message. They start when first needed. */
export class WorkerPool {
  readonly #start: () => Worker;
  readonly #size: number;
  readonly #workers = new Set<Worker>();
  readonly #idle: Worker[] = [];
  readonly #queue: Task[] = [];
  /** Why threads ended. */
  readonly #deaths = new WeakMap<Worker, unknown>();
  #closed = false;

  /**
   * @param size most threads at a time
   * @param workerUrl the worker's file
   * @param workerData what every worker is given at its start
   */
  constructor(size: number, workerUrl: URL, workerData: () => unknown) {
    this.#size = size;
    // Flags of this process (a loader, an inspector port) are not meant for its workers.
    this.#start = () => new Worker(workerUrl, { workerData: workerData(), execArgv: [] });
  }

  /**
   * Sends a message to the next free worker and gives its reply.
   *
   * @param prepare makes the message; called when a worker is free
   * @param signal drops the task while it waits; while it runs, its reply is no longer awaited
   * @throws what `prepare` throws; the signal's reason; the worker's error, where it dies
   */
  run(prepare: () => Promise<Message>, signal?: AbortSignal): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw new Error("the pool is closed");
      signal?.throwIfAborted();
      if (signal) setMaxListeners(0, signal); // All weights of a model wait on one signal; that is no leak.
      let settled = false;
      const settle =
        <T>(how: (value: T) => void) =>
        (value: T) => {
          settled = true;
          signal?.removeEventListener("abort", abort);
          how(value);
        };
      const task: Task = { prepare, settled: () => settled, resolve: settle(resolve), reject: settle(reject) };
      const abort = () => {
        const place = this.#queue.indexOf(task);
        if (place >= 0) this.#queue.splice(place, 1);
        task.reject(signal?.reason);
      };
      signal?.addEventListener("abort", abort);
      this.#queue.push(task);
      this.#assign();
    });
  }

  /** Ends all threads; tasks that are not done are rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const task of this.#queue.splice(0)) task.reject(new Error("the pool was closed"));
    await Promise.all([...this.#workers].map((worker) => worker.terminate()));
  }

  #assign(): void {
    while (this.#queue.length > 0 && !this.#closed && (this.#idle.length > 0 || this.#workers.size < this.#size))
      void this.#work(this.#queue.shift() as Task);
  }

  async #work(task: Task): Promise<void> {
    let worker: Worker | undefined;
    try {
      worker = this.#idle.pop() ?? this.#hire();
      worker.ref();
      const { value, transfer } = await task.prepare();
      if (this.#deaths.has(worker)) throw this.#deaths.get(worker); // It died while the message was fetched.
      if (!task.settled()) task.resolve(await converse(worker, value, transfer));
    } catch (error) {
      task.reject(this.#closed ? new Error("the pool was closed", { cause: error }) : error);
    }
    if (worker === undefined || !this.#workers.has(worker)) return; // It died, and #dismiss has seen to the queue.
    worker.unref(); // A thread without work keeps no process alive.
    this.#idle.push(worker);
    this.#assign();
  }

  #hire(): Worker {
    const worker = this.#start();
    this.#workers.add(worker);
    // These listeners come before those of `converse`, so a task is never given to a thread that died.
    worker.on("error", (error) => this.#dismiss(worker, error));
    worker.on("exit", (code) => this.#dismiss(worker, endedWith(code)));
    return worker;
  }

  #dismiss(worker: Worker, cause: unknown): void {
    if (!this.#workers.has(worker)) return;
    this.#deaths.set(worker, cause);
    this.#workers.delete(worker);
    const place = this.#idle.indexOf(worker);
    if (place >= 0) this.#idle.splice(place, 1);
    this.#assign();
  }
}

const endedWith = (code: number) => new Error(`a worker thread ended with code ${code}`);

/** Sends one message and waits for the reply or for the worker's death. */
function converse(worker: Worker, value: unknown, transfer: readonly Transferable[]): Promise<unknown> {
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
    worker.postMessage(value, transfer);
  });
}
