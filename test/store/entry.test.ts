import { createHash } from "node:crypto";
import { appendFile, cp, mkdir, mkdtemp, readFile, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FolderDraft, type PruneRecord, RECORD_NAME, readEntry, rememberHash } from "../../src/store/folders.js";

/** A time that `utimes` can set exactly. */
const WRITTEN = new Date("2026-01-01");
const CONTENT = "weights, weights, weights";

let folder: string;
let entry: string;
let model: string;
let record: PruneRecord;
/** Remembered hashes of unchanged files. */
let memory: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "transformers-prune-"));
  entry = join(folder, "entry");
  memory = join(folder, "hashes");
  model = join(entry, "onnx", "model.onnx");
  const draft = await FolderDraft.create(entry);
  await draft.sink("onnx").write("model.onnx", new TextEncoder().encode(CONTENT));
  const files = await draft.finishFiles();
  record = {
    format: 2,
    version: "1.2.3",
    runBy: {},
    key: "k",
    options: { method: "ria" },
    source: {},
    files,
    reports: [],
  };
  await draft.write(RECORD_NAME, JSON.stringify(record));
  await draft.commit();
  await utimes(model, WRITTEN, WRITTEN);
  for (const { name, sha256 } of record.files) await rememberHash(join(entry, name), memory, sha256 as string);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Changes one byte, no more. */
async function flipByte(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes.writeUInt8(bytes.readUInt8(3) ^ 1, 3);
  await writeFile(path, bytes);
}

describe("an entry as it was written", () => {
  it("gives its record for its key, and for any key where none is asked for", async () => {
    expect(await readEntry(entry, "k", memory)).toEqual(record);
    expect(await readEntry(entry, null, memory)).toEqual(record);
    expect(await readEntry(entry, "other", memory)).toBeNull();
    expect(await readEntry(join(folder, "nowhere"), null, memory)).toBeNull();
  });

  it("is known by the remembered hashes of unchanged files, without a look at their content", async () => {
    await rememberHash(model, memory, "another");
    expect(await readEntry(entry, "k", memory)).toBeNull();
    expect(await readEntry(entry, "k", null)).toEqual(record);
  });

  it("is known by its content where it was copied", async () => {
    const copy = join(folder, "copy");
    await cp(entry, copy, { recursive: true });
    expect(await readEntry(copy, "k", memory)).toEqual(record);
    await flipByte(join(copy, "onnx", "model.onnx"));
    expect(await readEntry(copy, "k", memory)).toBeNull();
  });
});

describe("a damaged entry is no entry", () => {
  it("where one byte differs", async () => {
    await flipByte(model);
    expect(await readEntry(entry, "k", memory)).toBeNull();
  });

  it("where one byte differs and the modification time was set back", async () => {
    const before = await stat(model, { bigint: true });
    await flipByte(model);
    await utimes(model, WRITTEN, WRITTEN);
    const after = await stat(model, { bigint: true });
    expect([after.mtimeNs, after.size, after.ino]).toEqual([before.mtimeNs, before.size, before.ino]);
    expect(await readEntry(entry, "k", memory)).toBeNull();
  });

  it("where a file is shorter, longer or missing", async () => {
    await truncate(model, 10);
    expect(await readEntry(entry, "k", memory)).toBeNull();
    await writeFile(model, CONTENT);
    expect(await readEntry(entry, "k", memory)).toEqual(record);
    await appendFile(model, "!");
    expect(await readEntry(entry, "k", memory)).toBeNull();
    await rm(model);
    expect(await readEntry(entry, "k", memory)).toBeNull();
  });

  it("where a file is a folder", async () => {
    await rm(model);
    await mkdir(model);
    expect(await readEntry(entry, "k", memory)).toBeNull();
  });

  it.each([
    ["empty", () => ""],
    ["cut short", (text: string) => text.slice(0, -5)],
    ["not an object", () => '"record"'],
    ["null", () => "null"],
    ["of another format", (text: string) => text.replace('"format":2', '"format":1')],
    ["without files", (text: string) => text.replace('"files"', '"flies"')],
    ["without a file's name", (text: string) => text.replace('"name"', '"game"')],
    ["without reports", (text: string) => text.replace('"reports":[]', '"reports":0')],
    ["with another hash", (text: string) => text.replace(/"sha256":"./, '"sha256":"x')],
  ])("where the record is %s", async (_, damage) => {
    const path = join(entry, RECORD_NAME);
    await writeFile(path, damage(await readFile(path, "utf8")));
    expect(await readEntry(entry, "k", memory)).toBeNull();
  });
});

it("hashes files as SHA-256 does", () => {
  expect(record.files).toEqual([
    { name: "onnx/model.onnx", bytes: 25, sha256: createHash("sha256").update(CONTENT).digest("hex") },
  ]);
});
