/**
 * One worker thread of the CPU device in browsers: a Web Worker, bundled to text that threads.web.ts starts.
 * Its first message is the kernel, every other one a job.
 */
import { answer, prepare, ReadError } from "./work.mjs";

globalThis.onmessage = (
  /** @type {MessageEvent<WebAssembly.Module | import("./messages.js").WorkerJob>} */ { data },
) => {
  if (data instanceof WebAssembly.Module) {
    prepare(data, ({ path }) => {
      throw new ReadError(`${path} is a path, and a page opens none`);
    });
    return;
  }
  const { reply, transfer } = answer(data);
  globalThis.postMessage(reply, { transfer });
};
