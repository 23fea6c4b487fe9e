import fs, { cpSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { pruneModel } from "../../src/index.js";
import { AUSTEN, temporaryFolder } from "./loading.js";

test("what the host leaves unread of a large data file is not read into memory", async () => {
  const source = temporaryFolder();
  cpSync(AUSTEN, source, { recursive: true });
  const data = join(source, "onnx", "model.onnx_data");
  writeFileSync(data, "");
  truncateSync(data, 2 ** 32); // Without a byte on the disk.
  const streams: fs.ReadStream[] = [];
  const createReadStream = fs.createReadStream;
  fs.createReadStream = (...args) => {
    const stream = createReadStream(...args);
    if (args[0] === data) streams.push(stream);
    return stream;
  };
  try {
    const prune = { method: "magnitude", pattern: "2:4" } as const;
    await pruneModel(source, { prune, out: join(temporaryFolder(), "pruned"), use_external_data_format: 1 });
  } finally {
    fs.createReadStream = createReadStream;
  }
  const bytesRead = () => streams.reduce((sum, stream) => sum + stream.bytesRead, 0);
  const before = bytesRead();
  await sleep(50);
  expect(streams.length).toBeGreaterThan(0);
  expect(bytesRead()).toBe(before);
  expect(before).toBeLessThan(2 ** 29);
});
