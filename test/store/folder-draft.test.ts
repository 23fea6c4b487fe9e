import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PruneError } from "../../src/errors.js";
import { FolderDraft } from "../../src/store/folders.js";
import { bundleScript, deadProcessId, ended, firstLine, startScript } from "../helpers/child.js";

let folder: string;
let target: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "transformers-prune-"));
  target = join(folder, "model");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const bytes = (text: string) => new TextEncoder().encode(text);
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/** Name of a draft of `model`, as a process would give it. */
const draftOf = (pid: number, started: number, host = hostname(), end = "") =>
  `.model.draft-${pid}-${started}-${sha256(host).slice(0, 8)}-0a1b2c3d${end}`;

describe("a draft", () => {
  it("appears whole, with the hash of every file, and not before it is committed", async () => {
    const draft = await FolderDraft.create(target);
    const sink = draft.sink("onnx");
    await sink.write("model.onnx", bytes("first "));
    await sink.write("model.onnx", bytes("second"));
    await draft.write("config.json", "{}");
    expect(await draft.finishFiles()).toEqual([
      { name: "config.json", bytes: 2, sha256: sha256("{}") },
      { name: "onnx/model.onnx", bytes: 12, sha256: sha256("first second") },
    ]);
    expect(existsSync(target)).toBe(false);
    await draft.commit();
    expect(await readFile(join(target, "onnx", "model.onnx"), "utf8")).toBe("first second");
    expect(await readdir(folder)).toEqual(["model"]);
    await draft.discard();
    expect(await readdir(target)).toEqual(["config.json", "onnx"]);
  });

  it("that is discarded leaves nothing, and what stood there as it was", async () => {
    await mkdir(target);
    await writeFile(join(target, "old"), "old");
    const draft = await FolderDraft.create(target);
    await draft.sink("").write("model.onnx", bytes("new"));
    await draft.discard();
    expect(await readdir(folder)).toEqual(["model"]);
    expect(await readdir(target)).toEqual(["old"]);
  });

  it("replaces the folder that stands there as a whole", async () => {
    await mkdir(target);
    await writeFile(join(target, "old"), "old");
    const draft = await FolderDraft.create(target);
    await draft.write("new", "new");
    await draft.commit();
    expect(await readdir(folder)).toEqual(["model"]);
    expect(await readdir(target)).toEqual(["new"]);
  });

  it("writes where a link points to, and leaves the link", async () => {
    await mkdir(join(folder, "large-disk", "real"), { recursive: true });
    await symlink(join(folder, "large-disk", "real"), target);
    const draft = await FolderDraft.create(target);
    await draft.write("new", "new");
    await draft.commit();
    expect(await readdir(join(folder, "large-disk"))).toEqual(["real"]);
    expect(await readdir(join(folder, "large-disk", "real"))).toEqual(["new"]);
    expect(await readFile(join(target, "new"), "utf8")).toBe("new");
  });

  it("refuses to take the place of a file", async () => {
    await writeFile(target, "mine");
    await expect(FolderDraft.create(target)).rejects.toThrow(/is a file; name a folder/);
    expect(await readFile(target, "utf8")).toBe("mine");
  });

  it.skipIf(!existsSync("/dev/shm"))("refuses the root of a mounted volume before any work is done", async () => {
    await expect(FolderDraft.create("/dev/shm")).rejects.toThrow(/mounted volume.*name a folder inside it/);
  });

  it("in a place that is a file says so", async () => {
    await writeFile(target, "mine");
    const error = await FolderDraft.create(join(target, "inner")).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(PruneError);
    expect(error).toMatchObject({ code: "storage", details: { code: expect.stringMatching(/ENOTDIR|EEXIST/) } });
  });
});

describe("drafts of other processes", () => {
  it("go when their process has ended, whatever folder they were for, and stay while it runs", async () => {
    const dead = await deadProcessId();
    const left = [draftOf(dead, 1), draftOf(dead, 1).replace("model", "other-model"), draftOf(process.pid, 1)];
    const living = [draftOf(process.ppid, 1), draftOf(dead, 1, "another machine"), draftOf(process.pid, startOfThis())];
    for (const name of [...left, ...living]) await mkdir(join(folder, name));
    const draft = await FolderDraft.create(target);
    expect((await readdir(folder)).sort()).toEqual([...living, basename(draft.path)].sort());
  });

  it("do not take the old folder with them when they were killed between the two renames", async () => {
    const dead = await deadProcessId();
    await mkdir(join(folder, draftOf(dead, 1)));
    await mkdir(join(folder, draftOf(dead, 1, hostname(), "-replaced")));
    await writeFile(join(folder, draftOf(dead, 1, hostname(), "-replaced"), "old"), "old");
    await (await FolderDraft.create(target)).discard();
    expect(await readdir(folder)).toEqual(["model"]);
    expect(await readFile(join(target, "old"), "utf8")).toBe("old");
  });

  it("killed with SIGKILL while they write leave nothing that a rerun would stumble over", async () => {
    const script = await bundleScript(SLOW_WRITER, folder);
    const killed = startScript(script, target, "slowly");
    expect(await firstLine(killed)).toBe("writing");
    killed.kill("SIGKILL");
    expect(await ended(killed)).toBe("SIGKILL");
    expect(existsSync(target)).toBe(false);
    expect((await readdir(folder)).filter((name) => name.includes("draft"))).toHaveLength(1);

    expect(await ended(startScript(script, target))).toBe(0);
    expect((await readdir(folder)).sort()).toEqual(["child.mjs", "model"]);
    expect((await stat(join(target, "model.onnx"))).size).toBe(1000);
  });
});

const startOfThis = () => Math.round(performance.timeOrigin);

const SLOW_WRITER = `
  import { setTimeout as sleep } from "node:timers/promises";
  import { FolderDraft } from "./src/store/folders.js";
  const [target, slowly] = process.argv.slice(2) as [string, string | undefined];
  const draft = await FolderDraft.create(target);
  for (let i = 0; i < 10; i++) {
    await draft.sink("").write("model.onnx", new Uint8Array(100).fill(i));
    if (i === 5 && slowly) {
      console.log("writing");
      await sleep(60_000);
    }
  }
  await draft.commit();
`;
