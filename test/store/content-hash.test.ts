import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { contentHash } from "../../src/store/folders.js";

/** After this long a further change gives a file another change time. */
const TICK = 50;

let folder: string;
let file: string;
let memory: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "transformers-prune-"));
  file = join(folder, "model.onnx");
  memory = join(folder, "cache", "hashes");
  await writeFile(file, "content");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

describe("the content hash of a file", () => {
  it("is its SHA-256, with a memory or without", async () => {
    expect(await contentHash(file, null)).toBe(sha256("content"));
    expect(await contentHash(file, memory)).toBe(sha256("content"));
  });

  it("is remembered, so that the file is read once", async () => {
    await sleep(TICK);
    await contentHash(file, memory);
    const [note] = await readdir(memory);
    const path = join(memory, note as string);
    await writeFile(path, (await readFile(path, "utf8")).replace(sha256("content"), "remembered"));
    expect(await contentHash(file, memory)).toBe("remembered");
  });

  it("is not remembered of a file that changed this very moment: a further change might not show", async () => {
    await writeFile(file, "content");
    await contentHash(file, memory);
    await expect(readdir(memory)).rejects.toThrow("ENOENT");
  });

  it("follows an edit of the same length with the modification time set back", async () => {
    const written = new Date("2026-01-01"); // a time that can be set exactly
    await utimes(file, written, written);
    await sleep(TICK);
    await contentHash(file, memory);
    await writeFile(file, "CONTENT");
    await utimes(file, written, written);
    expect(await contentHash(file, memory)).toBe(sha256("CONTENT"));
  });

  it.each(["", "null", "{", '{"stamp":null,"sha256":"x"}', '{"sha256":7}'])(
    "is taken from the file where the memory holds %j",
    async (damaged) => {
      await sleep(TICK);
      await contentHash(file, memory);
      await writeFile(join(memory, (await readdir(memory))[0] as string), damaged);
      expect(await contentHash(file, memory)).toBe(sha256("content"));
    },
  );

  it("does without a memory that cannot be written", async () => {
    await sleep(TICK);
    expect(await contentHash(file, join(file, "hashes"))).toBe(sha256("content"));
  });

  it("of a file that is not there is a storage error", async () => {
    await expect(contentHash(join(folder, "gone.onnx"), memory)).rejects.toMatchObject({
      code: "storage",
      message: expect.stringContaining("gone.onnx"),
    });
  });

  it("stops with the signal's reason", async () => {
    await expect(contentHash(file, null, AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
  });
});
