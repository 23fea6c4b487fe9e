/**
 * A pool of worker threads, one job a thread at a time, the rest in a queue.
 *
 * Why not a library (tinypool fits best): a job's bytes must be fetched when its thread is
 * free and not when it is queued, or all weights of a model would be in memory at once; an aborted
 * job must leave its thread alive, with the kernel's memory and compiled code; and a library's own
 * worker file would be one more file to find from a bundle.
 */
import { expectManyListeners, type Thread } from "./threads.node.js";

/** A message for a worker and what of it changes hands instead of being copied. */
export interface Message {
  readonly value: unknown;
  readonly transfer: readonly ArrayBuffer[];
}

interface Task {
  readonly prepare: () => Promise<Message>;
  readonly settled: () => boolean;
  readonly resolve: (reply: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/** Threads that answer every message with one message. They start when first needed. */
export class WorkerPool {
  readonly #start: (died: (cause: unknown) => void) => Thread;
  readonly #size: number;
  readonly #threads = new Set<Thread>();
  readonly #idle: Thread[] = [];
  readonly #queue: Task[] = [];
  /** Why threads ended. */
  readonly #deaths = new WeakMap<Thread, unknown>();
  #closed = false;

  /**
   * @param size most threads at a time
   * @param start starts a thread, which says when it ends
   */
  constructor(size: number, start: (died: (cause: unknown) => void) => Thread) {
    this.#size = size;
    this.#start = start;
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
      if (signal) expectManyListeners(signal);
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
    await Promise.all([...this.#threads].map((thread) => thread.end()));
  }

  #assign(): void {
    while (this.#queue.length > 0 && !this.#closed && (this.#idle.length > 0 || this.#threads.size < this.#size))
      void this.#work(this.#queue.shift() as Task);
  }

  async #work(task: Task): Promise<void> {
    let thread: Thread | undefined;
    try {
      thread = this.#idle.pop() ?? this.#hire();
      const { value, transfer } = await task.prepare();
      if (this.#deaths.has(thread)) throw this.#deaths.get(thread); // It died while the message was fetched.
      if (!task.settled()) task.resolve(await thread.ask(value, transfer));
    } catch (error) {
      task.reject(this.#closed ? new Error("the pool was closed", { cause: error }) : error);
    }
    if (thread === undefined || !this.#threads.has(thread)) return; // It died, and #dismiss has seen to the queue.
    this.#idle.push(thread);
    this.#assign();
  }

  #hire(): Thread {
    const thread = this.#start((cause) => this.#dismiss(thread, cause));
    this.#threads.add(thread);
    return thread;
  }

  #dismiss(thread: Thread, cause: unknown): void {
    if (!this.#threads.has(thread)) return;
    this.#deaths.set(thread, cause);
    this.#threads.delete(thread);
    const place = this.#idle.indexOf(thread);
    if (place >= 0) this.#idle.splice(place, 1);
    this.#assign();
  }
}
