/**
 * The CPU device: a WebAssembly SIMD kernel on a pool of worker threads. This file says what a job
 * is to a worker and what a worker's answer means; kernel/ does the arithmetic.
 */
import { PruneError } from "../../errors.js";
import { type Pattern, prunedCount } from "../../pattern/index.js";
import type { Shape } from "../../tensor/matrix.js";
import { badValuesError, checkJob, checkStored, describeError, deviceError, unreadableError } from "../check-job.js";
import type { ComputedMask, Device, MaskJob } from "../device.js";
import type { Selection, WorkerJob, WorkerReply } from "./messages.js";
import { type Message, WorkerPool } from "./pool.js";
import { parallelism, startThread } from "./threads.node.js";

/** More threads than this wait for memory more than they compute, and each holds a weight. */
const MOST_THREADS = 8;

export interface CpuDeviceOptions {
  /** Worker threads; by default one per core, at most 8. */
  readonly threads?: number;
  /** Where the worker's script is, for bundles in Node that do not lie beside it (threads.node.ts). */
  readonly workerUrl?: URL;
}

/**
 * The device that runs everywhere, in Node and in browsers. Threads start with the first job.
 *
 * Each thread holds, of the largest weight it has seen, one float32 per weight (two for unstructured
 * patterns by matrix and permuted N:M) and the mask; bytes that come from memory are copied to it besides.
 *
 * @throws PruneError `bad-option` where `threads` is not a positive integer
 */
export function createCpuDevice(options: CpuDeviceOptions = {}): Device {
  const threads = options.threads ?? Math.min(parallelism(), MOST_THREADS);
  if (!Number.isInteger(threads) || threads < 1)
    throw new PruneError("bad-option", `threads must be a positive integer, found ${threads}`, {
      details: { threads },
    });
  const { workerUrl } = options;
  let module: WebAssembly.Module | undefined;
  let compiling: Promise<WebAssembly.Module> | undefined;
  const compile = async () => {
    compiling ??= compileKernel();
    module = await compiling;
  };
  const pool = new WorkerPool(threads, (died) => startThread({ module, workerUrl }, died));
  return {
    name: "cpu",
    concurrency: threads,
    refuse: async () => null,
    computeMask: async (job, signal) => {
      checkJob(job);
      const reply = await compile()
        .then(() => pool.run(() => messageFor(job), signal))
        .catch((error: unknown) => {
          if (error instanceof PruneError || signal?.aborted) throw error;
          throw deviceError("cpu", job, describeError(error), "try again with fewer threads", error);
        });
      return maskFrom(job, reply as WorkerReply);
    },
    close: () => pool.close(),
  };
}

/** Imported when it is needed: 9 kB, compressed, which a page that masks on its GPU need not load. */
async function compileKernel(): Promise<WebAssembly.Module> {
  const { KERNEL_WASM } = await import("./kernel.wasm.js");
  return WebAssembly.compile(Uint8Array.from(atob(KERNEL_WASM), (char) => char.charCodeAt(0)));
}

/** Fetches bytes that lie in memory, and what codes stand for, so it is called only when a worker is free. */
async function messageFor(job: MaskJob): Promise<Message> {
  const { bytes, shape } = job;
  const value: Omit<WorkerJob, "source" | "coding"> = {
    shape,
    order: job.order,
    dtype: job.dtype,
    terms: job.terms,
    channelFactor: job.channelFactor,
    selection: selectionOf(job.pattern, shape),
  };
  const isCoded = bytes.kind === "codes";
  const coding = isCoded ? await bytes.coding() : null;
  const stored = isCoded ? bytes.stored : bytes;
  const given = stored.kind === "file" ? stored : await stored.read();
  checkStored(job, coding, given.byteLength);
  if (!(given instanceof Uint8Array)) return { value: { ...value, coding, source: given }, transfer: [] };
  // A copy to give away: the caller's buffer stays usable, and what else it holds is not sent.
  const own = new Uint8Array(given);
  return { value: { ...value, coding, source: { kind: "memory", bytes: own } }, transfer: [own.buffer] };
}

function selectionOf(pattern: Pattern, shape: Shape): Selection {
  if (pattern.kind === "n:m")
    return { rule: pattern.permute ? "permuted" : "group", keepCount: pattern.keep, groupSize: pattern.of };
  const keptCount = shape.out * shape.in - prunedCount(pattern, shape);
  return pattern.scope === "row"
    ? { rule: "row", keepCount: keptCount / shape.out, groupSize: 1 }
    : { rule: "matrix", keepCount: keptCount, groupSize: 1 };
}

function maskFrom(job: MaskJob, reply: WorkerReply): ComputedMask {
  switch (reply.kind) {
    case "mask":
      return { shape: job.shape, order: job.order, bits: reply.bits, retained: reply.retained };
    case "not-finite":
      throw badValuesError(job.label, reply);
    case "unreadable":
      throw unreadableError(job.label, reply.cause);
    case "too-large":
      throw deviceError(
        "cpu",
        job,
        `it needs ${Math.ceil(reply.bytes / 2 ** 20)} MiB, WebAssembly has 4096`,
        "exclude it",
      );
    case "failed":
      throw deviceError("cpu", job, reply.cause.message, "try again with fewer threads, or exclude it", reply.cause);
    default:
      return reply satisfies never;
  }
}
