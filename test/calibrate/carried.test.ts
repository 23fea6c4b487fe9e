import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it, vi } from "vitest";
import { Carried } from "../../src/calibrate/carried.js";
import { floats, testRuntime } from "../helpers/runtime.js";

const runtime = testRuntime();
const temporary = mkdtempSync(join(tmpdir(), "carried-"));
vi.stubEnv("TMPDIR", temporary);
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(temporary, { recursive: true });
});
const filesNow = () => readdirSync(temporary, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());

it("keeps tensors in memory as long as they fit, the others in files, and gives both back until they are dropped", async () => {
  const carried = new Carried(24);
  const tensor = (first: number) => floats(runtime, [first, first + 1, first + 2, first + 3], [2, 2]);
  await carried.put("a", 0, tensor(1));
  expect(readdirSync(temporary)).toEqual([]);
  await carried.put("a", 1, floats(runtime, [5, 6, 7], [1, 3]));
  expect(filesNow()).toHaveLength(1);
  expect(carried.typeOf("a")).toEqual({ elemType: 1, shape: [null, null] });
  // In the place of one in memory, of one in a file, and where there is room again.
  await carried.put("a", 0, tensor(10));
  await carried.put("a", 1, tensor(20));
  expect(filesNow()).toHaveLength(1);
  for (const [batch, first] of [10, 20].entries()) {
    const { data, dims } = await carried.take("a", batch, runtime);
    expect([...(data as Float32Array)]).toEqual([first, first + 1, first + 2, first + 3]);
    expect(dims).toEqual([2, 2]);
  }
  await carried.keepOnly(new Set());
  expect(filesNow()).toEqual([]);
  await carried.put("b", 0, tensor(30));
  expect(filesNow()).toEqual([]);
  await expect(carried.take("a", 0, runtime)).rejects.toThrow(/no part has computed "a"/);
  await carried.close();
  expect(readdirSync(temporary)).toEqual([]);
});
