/**
 * One worker thread of the CPU device in Node. Bytes in a file are read here and never pass the main
 * thread. Node starts this file itself: next to threads.node.ts in the source tree, next to the bundle in dist.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { answer, prepare, ReadError } from "./work.mjs";

prepare(workerData, (source, use) => {
  // For this job alone: a path may hold another file the next time.
  const file = openFile(source.path);
  try {
    return use((target, start) => readFully(file, target, source.byteOffset + start, source.path));
  } finally {
    closeSync(file);
  }
});

parentPort?.on("message", (/** @type {import("./messages.js").WorkerJob} */ job) => {
  const { reply, transfer } = answer(job);
  parentPort?.postMessage(reply, transfer);
});

/** @param {string} path */
function openFile(path) {
  try {
    return openSync(path, "r");
  } catch (cause) {
    throw new ReadError(`cannot open ${path}`, { cause });
  }
}

/**
 * @param {number} file
 * @param {Uint8Array} target
 * @param {number} position
 * @param {string} path
 */
function readFully(file, target, position, path) {
  for (let done = 0; done < target.length; ) {
    const count = readSync(file, target, done, target.length - done, position + done);
    if (count === 0) throw new ReadError(`${path} ends at byte ${position + done}`);
    done += count;
  }
}
