import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { withLock } from "../../src/store/folders.js";
import { bundleScript, deadProcessId, ended, firstLine, startScript } from "../helpers/child.js";

let folder: string;
let lock: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "transformers-prune-"));
  lock = join(folder, "model.lock");
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true, force: true });
});

const contentOf = (owner: object) => JSON.stringify({ started: 1, host: hostname(), token: "t", ...owner });

/** Milliseconds that it takes to get the lock. */
async function waitedFor(path: string): Promise<number> {
  const start = performance.now();
  return withLock(path, undefined, async () => performance.now() - start);
}

describe("a lock", () => {
  it("is there while the work runs and gone afterwards, also when the work fails", async () => {
    expect(await withLock(lock, undefined, async () => existsSync(lock))).toBe(true);
    const failing = withLock(lock, undefined, () => Promise.reject(new Error("no work today")));
    await expect(failing).rejects.toThrow("no work today");
    expect(await readdir(folder)).toEqual([]);
  });

  it("lets two processes do the work once", async () => {
    const script = await bundleScript(WORK_ONCE, folder);
    const children = [startScript(script, folder), startScript(script, folder)];
    expect(await Promise.all(children.map(ended))).toEqual([0, 0]);
    expect(await readFile(join(folder, "executions"), "utf8")).toMatch(/^\d+\n$/);
    expect(existsSync(join(folder, "result"))).toBe(true);
  });

  it("of a process that was killed is taken over at once", async () => {
    const script = await bundleScript(HOLD, folder);
    const holder = startScript(script, lock);
    expect(await firstLine(holder)).toBe("locked");
    holder.kill("SIGKILL");
    await ended(holder);
    expect(existsSync(lock)).toBe(true);
    expect(await waitedFor(lock)).toBeLessThan(900);
  });

  it("of an earlier process with our own id, as containers have it, is taken over at once", async () => {
    await writeFile(lock, contentOf({ pid: process.pid }));
    expect(await waitedFor(lock)).toBeLessThan(900);
  });

  it("that is stale is taken over by one of many only", async () => {
    for (let round = 0; round < 5; round++) {
      await writeFile(lock, contentOf({ pid: await deadProcessId() }));
      let inside = 0;
      let most = 0;
      const one = () =>
        withLock(lock, undefined, async () => {
          most = Math.max(most, ++inside);
          await sleep(2);
          inside--;
        });
      await Promise.all([one(), one(), one(), one()]);
      expect(most).toBe(1);
      expect(await readdir(folder)).toEqual([]);
    }
  });

  it("that its process was killed before signing is taken over after a second", async () => {
    await writeFile(lock, "");
    expect(await waitedFor(lock)).toBeGreaterThan(1000);
  });

  it("of another machine counts for as long as it is renewed, and a minute more", async () => {
    await writeFile(lock, contentOf({ pid: 1, host: "another machine" }));
    const passing = { now: 0, step: 30_000 };
    const realNow = performance.now.bind(performance);
    vi.spyOn(performance, "now").mockImplementation(() => {
      passing.now += passing.step;
      return passing.now;
    });
    let renewals = 3;
    const renewal = setInterval(() => renewals-- > 0 && utimes(lock, new Date(), new Date(renewals * 1000)), 60);
    const start = realNow();
    await withLock(lock, undefined, async () => expect(renewals).toBeLessThan(1));
    expect(realNow() - start).toBeGreaterThan(150);
    clearInterval(renewal);
  });

  it("is renewed while the work runs", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    try {
      await withLock(lock, undefined, async () => {
        await utimes(lock, 1, 1);
        vi.advanceTimersByTime(10_000);
        await vi.waitFor(async () => expect((await stat(lock)).mtimeMs).toBeGreaterThan(1000));
      });
    } finally {
      vi.useRealTimers();
    }
  });

  it("that somebody else has taken over meanwhile is left to them", async () => {
    const theirs = contentOf({ pid: process.ppid });
    await withLock(lock, undefined, () => writeFile(lock, theirs));
    expect(await readFile(lock, "utf8")).toBe(theirs);
  });
});

describe("waiting for a lock", () => {
  it("ends with the signal's reason, and the lock stays with its holder", async () => {
    const theirs = contentOf({ pid: process.ppid });
    await writeFile(lock, theirs);
    const controller = new AbortController();
    const reason = new Error("changed my mind");
    const waiting = withLock(lock, controller.signal, () => Promise.reject(new Error("must not run")));
    setTimeout(() => controller.abort(reason), 20);
    await expect(waiting).rejects.toBe(reason);
    expect(await readFile(lock, "utf8")).toBe(theirs);
  });

  it("does not begin when it is aborted already", async () => {
    const work = vi.fn();
    await expect(withLock(lock, AbortSignal.abort(new Error("too late")), work)).rejects.toThrow("too late");
    expect(work).not.toHaveBeenCalled();
    expect(await readdir(folder)).toEqual([]);
  });

  it("where no lock can be written is a storage error", async () => {
    await writeFile(join(folder, "file"), "");
    await expect(withLock(join(folder, "file", "lock"), undefined, async () => 0)).rejects.toMatchObject({
      code: "storage",
      message: expect.stringMatching(/cannot lock .*name another folder|EEXIST/),
    });
  });
});

const WORK_ONCE = `
  import { appendFile, stat, writeFile } from "node:fs/promises";
  import { setTimeout as sleep } from "node:timers/promises";
  import { withLock } from "./src/store/folders.js";
  const folder = process.argv[2] as string;
  await withLock(folder + "/work.lock", undefined, async () => {
    if (await stat(folder + "/result").catch(() => null)) return;
    await appendFile(folder + "/executions", process.pid + "\\n");
    await sleep(300);
    await writeFile(folder + "/result", "done");
  });
`;

const HOLD = `
  import { setTimeout as sleep } from "node:timers/promises";
  import { withLock } from "./src/store/folders.js";
  await withLock(process.argv[2] as string, undefined, async () => {
    console.log("locked");
    await sleep(60_000);
  });
`;
