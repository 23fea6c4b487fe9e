/** The page's end of the worker: questions as promises, progress and text as callbacks. */
import type { Calls, Kind, Message, Reply } from "./protocol.js";

type Progress = Extract<Reply, { kind: "progress" }>;
type Text = Extract<Reply, { kind: "text" }>;

/** What is heard while a question is being answered. */
export interface Listeners {
  readonly onProgress: (progress: Progress) => void;
  readonly onText: (text: Text) => void;
}

/** A task that the user stopped. */
export class Stopped extends Error {
  override readonly name = "Stopped";
}

export interface WorkerClient {
  /** @throws Stopped where the user stopped it; Error with the worker's message where it failed */
  ask<K extends Kind>(kind: K, ask: Calls[K]["ask"]): Promise<Calls[K]["answer"]>;
  /** Gives up what is being done. */
  stop(): void;
}

/** Starts the worker. */
export function startWorker({ onProgress, onText }: Listeners): WorkerClient {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  let last = 0;

  worker.onmessage = ({ data }: MessageEvent<Reply>) => {
    switch (data.kind) {
      case "progress":
        return onProgress(data);
      case "text":
        return onText(data);
      case "answer":
        waiting.get(data.id)?.resolve(data.value as never);
        break;
      case "failure":
        waiting.get(data.id)?.reject(data.isStop ? new Stopped(data.message) : new Error(data.message));
        break;
      default:
        data satisfies never;
    }
    waiting.delete(data.id);
  };
  // A worker that does not start answers nothing: whoever waits must hear it.
  worker.onerror = ({ message }) => {
    for (const { reject } of waiting.values()) reject(new Error(`the worker failed: ${message || "it did not start"}`));
    waiting.clear();
  };
  const post = (message: Message) => worker.postMessage(message);
  return {
    ask: (kind, ask) =>
      new Promise((resolve, reject) => {
        last++;
        waiting.set(last, { resolve, reject });
        post({ ...ask, kind, id: last } as Message);
      }),
    stop: () => post({ kind: "stop" }),
  };
}
