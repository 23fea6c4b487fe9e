import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { unfinishedInFolder } from "../../src/store/folders.js";
import { type FinishedPart, type Unfinished, unfinishedInMemory } from "../../src/store/index.js";

let place: string;
let folder: string;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), "unfinished-"));
  folder = join(place, "entry.unfinished");
});
afterEach(() => rm(place, { recursive: true }));

const BLOBS = [Uint8Array.of(1, 2, 3), new Uint8Array(0), new Uint8Array(2000).fill(9)];
const HEADER = { weights: [{ name: "größe", error: 1e-3 }], notes: [], none: null };

/** Everything of a part, as one value. */
async function contentOf(part: FinishedPart | null, blobs = BLOBS.length) {
  if (part === null) return null;
  const own = await Promise.all(Array.from({ length: blobs }, (_, index) => part.blob(index)));
  return { header: part.header, blobs: own };
}
const WHOLE = { header: HEADER, blobs: BLOBS };

describe.each<[string, () => Unfinished]>([
  ["memory", unfinishedInMemory],
  ["a folder", () => unfinishedInFolder(folder)],
])("finished parts in %s", (_, open) => {
  it("are there as they were given, under their names, until the work is done", async () => {
    const unfinished = open();
    expect(await unfinished.read("group-0")).toBeNull();
    expect(await contentOf(await unfinished.write("group-0", HEADER, BLOBS))).toEqual(WHOLE);
    await unfinished.write("group-1", [], []);
    expect(await contentOf(await unfinished.read("group-0"))).toEqual(WHOLE);
    expect(await contentOf(await unfinished.read("group-1"), 0)).toEqual({ header: [], blobs: [] });
    expect(await unfinished.read("group-2")).toBeNull();
    await unfinished.remove();
    expect(await unfinished.read("group-0")).toBeNull();
    await unfinished.remove();
  });

  it("come in memory of their own, so that who changes one changes no other", async () => {
    const unfinished = open();
    const part = await unfinished.write("group", HEADER, BLOBS);
    (await part.blob(0)).fill(0);
    expect(await part.blob(0)).toEqual(BLOBS[0]);
    // Numbers of any width are read from the beginning of a buffer.
    expect((await part.blob(2)).byteOffset).toBe(0);
  });

  it("are replaced by a later one of the same name", async () => {
    const unfinished = open();
    await unfinished.write("group", HEADER, BLOBS);
    await unfinished.write("group", "other", [Uint8Array.of(7)]);
    expect(await contentOf(await unfinished.read("group"), 1)).toEqual({ header: "other", blobs: [Uint8Array.of(7)] });
  });
});

describe("parts in a folder", () => {
  it("are there for the next process, which has only the folder", async () => {
    await unfinishedInFolder(folder).write("group", HEADER, BLOBS);
    expect(await contentOf(await unfinishedInFolder(folder).read("group"))).toEqual(WHOLE);
  });

  it("make no folder before the first, and leave none behind", async () => {
    const unfinished = unfinishedInFolder(folder);
    expect(await unfinished.read("group")).toBeNull();
    expect(existsSync(folder)).toBe(false);
    await unfinished.write("group", HEADER, BLOBS);
    expect(readdirSync(folder)).toEqual(["group"]);
    await unfinished.remove();
    expect(existsSync(folder)).toBe(false);
  });

  it.each<[string, (bytes: Buffer) => Buffer]>([
    ["is empty", () => Buffer.alloc(0)],
    ["ends within the length of its header", (bytes) => bytes.subarray(0, 7)],
    ["ends within its header", (bytes) => bytes.subarray(0, 30)],
    ["ends within its blobs", (bytes) => bytes.subarray(0, -1)],
    ["has bytes behind its end", (bytes) => Buffer.concat([bytes, Buffer.alloc(1)])],
    ["has a header of a length that no file has", (bytes) => Buffer.concat([Buffer.alloc(8, 0xff), bytes.subarray(8)])],
    ["has a header that is no JSON", (bytes) => Buffer.concat([bytes.subarray(0, 8), Buffer.alloc(bytes.length - 8)])],
    ["has zeros where its blobs were to be", (bytes) => Buffer.concat([bytes.subarray(0, -100), Buffer.alloc(100)])],
    [
      "has another number in its header",
      (bytes) => Buffer.from(bytes.toString("latin1").replace("0.001", "0.002"), "latin1"),
    ],
    ["is as long as it should be, of zeros", (bytes) => Buffer.alloc(bytes.length)],
  ])("count as not finished where the file %s", async (_, damaged) => {
    const unfinished = unfinishedInFolder(folder);
    await unfinished.write("group", HEADER, BLOBS);
    const path = join(folder, "group");
    const bytes = readFileSync(path);
    expect(damaged(bytes).equals(bytes)).toBe(false);
    writeFileSync(path, damaged(bytes));
    expect(await unfinished.read("group")).toBeNull();
    await unfinished.write("group", HEADER, BLOBS);
    expect(await contentOf(await unfinished.read("group"))).toEqual(WHOLE);
  });

  it("that cannot be put aside are an error that names the folder, and leave nothing half-written", async () => {
    const unfinished = unfinishedInFolder(folder);
    await mkdir(join(folder, "group"), { recursive: true });
    await expect(unfinished.write("group", HEADER, BLOBS)).rejects.toMatchObject({
      code: "storage",
      message: expect.stringContaining(`cannot put finished parts aside in ${folder}`),
    });
    expect(readdirSync(folder)).toEqual(["group"]);
  });

  it("that vanish while they are read are an error, and no zeros", async () => {
    const part = await unfinishedInFolder(folder).write("group", HEADER, BLOBS);
    truncateSync(join(folder, "group"), 500);
    await expect(part.blob(2)).rejects.toThrow("ends before byte");
  });

  it("that nobody went on with for a week are removed when other work begins, and no others", async () => {
    const other = (name: string) => join(place, name);
    const daysAgo = (days: number) => new Date(Date.now() - days * 24 * 3600 * 1000);
    const [old, older, resumed, recent] = ["a", "b", "c", "d"].map((digit) => `${digit.repeat(32)}.unfinished`) as [
      string,
      string,
      string,
      string,
    ];
    const names = [old, `model-${older}`, resumed, recent];
    for (const name of names) await unfinishedInFolder(other(name)).write("group", HEADER, BLOBS);
    const notOurs = ["novel.unfinished", "f".repeat(32)];
    for (const name of notOurs) await mkdir(other(name));
    for (const name of [...names, ...notOurs]) await utimes(other(name), daysAgo(8), daysAgo(8));
    await utimes(other(recent), daysAgo(6), daysAgo(6));
    await unfinishedInFolder(other(resumed)).read("group");
    await unfinishedInFolder(folder).write("group", HEADER, BLOBS);
    expect(readdirSync(place).sort()).toEqual([...notOurs, recent, resumed, "entry.unfinished"].sort());
  });
});
