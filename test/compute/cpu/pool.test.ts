/** Life and death of worker threads, with workers of a few lines. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { type Message, WorkerPool } from "../../../src/compute/cpu/pool.js";
import { startThread } from "../../../src/compute/cpu/threads.node.js";
import { bundleScript } from "../../helpers/child.js";

/** Answers a number with its double; a string is what else it should do. */
const WORKER = `
  import { parentPort } from "node:worker_threads";
  parentPort.on("message", (m) => {
    if (m === "exit") process.exit(3);
    if (m === "throw") throw new Error("out of order");
    if (m !== "hang") parentPort.postMessage(2 * m);
  });`;

const urlOf = (source: string) => new URL(`data:text/javascript,${encodeURIComponent(source)}`);
const poolOf = (size: number, workerUrl: URL) =>
  new WorkerPool(size, (died) => startThread({ module: undefined, workerUrl }, died));
const message = (value: unknown) => async (): Promise<Message> => ({ value, transfer: [] });

describe("WorkerPool", () => {
  const pools: WorkerPool[] = [];
  const open = (size: number, source = WORKER) => {
    const pool = poolOf(size, urlOf(source));
    pools.push(pool);
    return pool;
  };
  afterEach(() => Promise.all(pools.splice(0).map((pool) => pool.close())));

  it("answers more tasks than it has threads, each with its own reply", async () => {
    const pool = open(2);
    const replies = await Promise.all(Array.from({ length: 9 }, (_, n) => pool.run(message(n))));
    expect(replies).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16]);
  });

  it("fetches a task's message only when a thread is free", async () => {
    const pool = open(1);
    let fetched = 0;
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const first = pool.run(() => held.then(message(1)));
    const second = pool.run(async () => {
      fetched++;
      return { value: 2, transfer: [] };
    });
    await new Promise(setImmediate);
    expect(fetched).toBe(0);
    release();
    expect(await Promise.all([first, second])).toEqual([2, 4]);
  });

  it("drops a waiting task on abort, with the signal's reason, and finishes the others", async () => {
    const pool = open(1);
    const abort = new AbortController();
    let fetched = false;
    const first = pool.run(message(1));
    const dropped = pool.run(async () => {
      fetched = true;
      return { value: 2, transfer: [] };
    }, abort.signal);
    abort.abort(new Error("changed my mind"));
    await expect(dropped).rejects.toThrow("changed my mind");
    expect(await first).toBe(2);
    expect(await pool.run(message(3))).toBe(6);
    expect(fetched).toBe(false);
  });

  it("rejects a running task on abort and an aborted signal at once", async () => {
    const pool = open(2);
    const abort = new AbortController();
    const running = pool.run(message("hang"), abort.signal);
    setTimeout(() => abort.abort("enough"), 20);
    await expect(running).rejects.toBe("enough");
    await expect(pool.run(message(1), abort.signal)).rejects.toBe("enough");
    expect(await pool.run(message(1))).toBe(2);
  });

  it("lets any number of tasks share one signal, without a warning of Node's", async () => {
    const warnings: Error[] = [];
    const hear = (warning: Error) => warnings.push(warning);
    process.on("warning", hear);
    const pool = open(1);
    const { signal } = new AbortController();
    await Promise.all(Array.from({ length: 30 }, (_, n) => pool.run(message(n), signal)));
    process.off("warning", hear);
    expect(warnings).toEqual([]);
  });

  it.each([
    ["exit", "ended with code 3"],
    ["throw", "out of order"],
  ])("rejects the task of a thread that dies (%s) and works on with a new one", async (death, reason) => {
    const pool = open(1);
    const tasks = [pool.run(message(death)), pool.run(message(4))];
    await expect(tasks[0]).rejects.toThrow(reason);
    expect(await tasks[1]).toBe(8);
  });

  it("rejects where the worker's file is missing, and where fetching the message fails", async () => {
    const missing = poolOf(1, new URL("file:///nowhere/worker.mjs"));
    await expect(missing.run(message(1))).rejects.toThrow("nowhere");
    const pool = open(1);
    await expect(pool.run(() => Promise.reject(new Error("no bytes")))).rejects.toThrow("no bytes");
    expect(await pool.run(message(5))).toBe(10);
  });

  it("rejects a task whose thread dies while its message is still being fetched", async () => {
    const pool = open(1, "throw new Error('no kernel')");
    const slow = () => new Promise<Message>((resolve) => setTimeout(resolve, 200, { value: 1, transfer: [] }));
    await expect(pool.run(slow)).rejects.toThrow("no kernel");
  });

  it("keeps no process alive without work", async () => {
    // In a process of its own, which hangs until the timeout kills it unless idle threads let it end.
    const folder = mkdtempSync(join(tmpdir(), "pool-"));
    const script = await bundleScript(
      `import { WorkerPool } from "./src/compute/cpu/pool.js";
       import { startThread } from "./src/compute/cpu/threads.node.js";
       const workerUrl = new URL(${JSON.stringify(urlOf(WORKER))});
       const pool = new WorkerPool(2, (died) => startThread({ module: undefined, workerUrl }, died));
       const task = (value: number) => pool.run(async () => ({ value, transfer: [] }));
       console.log(await Promise.all([task(1), task(2), task(3)]));`,
      folder,
    );
    const { stdout } = await promisify(execFile)(process.execPath, [script], { timeout: 20_000 });
    rmSync(folder, { recursive: true });
    expect(stdout).toBe("[ 2, 4, 6 ]\n");
  }, 30_000);

  it("rejects what is unfinished when it closes, and everything after", async () => {
    const pool = open(1);
    const tasks = [pool.run(message("hang")), pool.run(message(1))];
    const outcomes = Promise.allSettled(tasks);
    await pool.close();
    for (const outcome of await outcomes)
      expect(outcome).toMatchObject({ status: "rejected", reason: { message: "the pool was closed" } });
    await expect(pool.run(message(1))).rejects.toThrow("the pool is closed");
  });
});
