/**
 * The worker in which transformers.js and transformers-prune run, so that the page stays free. It does one
 * thing after the other: sessions of one model share a GPU, and a stop is meant for what is being done.
 */
import type { Calls, Kind, Message, Reply } from "./protocol.js";
import { Workbench } from "./workbench.js";
import { zipOf } from "./zip.js";

/** What this file uses of a dedicated worker's global scope (the DOM's types describe the page's). */
interface WorkerScope {
  postMessage(message: Reply): void;
  onmessage: ((event: MessageEvent<Message>) => void) | null;
}

const scope = self as unknown as WorkerScope;
const bench = new Workbench((reply) => scope.postMessage(reply));

let stopping = new AbortController();
let turn: Promise<unknown> = Promise.resolve();

type Handlers = { [K in Kind]: (ask: Calls[K]["ask"], signal: AbortSignal) => Promise<Calls[K]["answer"]> };

const handlers = {
  offer: () => bench.offer(),
  prune: ({ settings }, signal) => bench.prune(settings, signal),
  generate: ({ prompt, tokens }, signal) => bench.generate(prompt, tokens, signal),
  measure: ({ text, windows }, signal) => bench.measure(text, windows, signal),
  mask: ({ weight, row, channel }, signal) => bench.mask(weight, row, channel, signal),
  files: (_, signal) => bench.files(signal),
  zip: async (_, signal) => zipOf(await bench.files(signal)),
  coefficients: () => bench.coefficients(),
} satisfies Handlers;

async function answer(message: Exclude<Message, { kind: "stop" }>): Promise<void> {
  const { id, kind } = message;
  stopping = new AbortController();
  const { signal } = stopping;
  try {
    const handle = handlers[kind] as (ask: typeof message, signal: AbortSignal) => Promise<Calls[Kind]["answer"]>;
    scope.postMessage({ kind: "answer", id, value: await handle(message, signal) });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    scope.postMessage({ kind: "failure", id, message: text, isStop: signal.aborted });
  }
}

scope.onmessage = ({ data }) => {
  if (data.kind === "stop") stopping.abort(new DOMException("stopped", "AbortError"));
  else turn = turn.then(() => answer(data));
};
