import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadCoefficients } from "../../src/options/index.js";

const DEFAULTS = { row: 0, column: 0.54, window: 0.46, size: 31, power: 0.8 };
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "coefficients-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function fileOf(text: string): Promise<string> {
  const path = join(folder, "coefficients.json");
  await writeFile(path, text);
  return path;
}
const load = (location: string) => loadCoefficients({ kind: "file", location }, "crepe");

describe("loadCoefficients", () => {
  it("takes the method's defaults for auto and default", async () => {
    expect(await loadCoefficients({ kind: "auto" }, "crepe")).toEqual({ coefficients: DEFAULTS, from: "default" });
    expect(await loadCoefficients({ kind: "default" }, "wanda")).toEqual({ coefficients: {}, from: "default" });
  });

  it("says that values were given", async () => {
    expect(await loadCoefficients({ kind: "values", values: DEFAULTS }, "crepe")).toEqual({
      coefficients: DEFAULTS,
      from: "given",
    });
  });

  it("reads a path, a file URL and a web address", async () => {
    const path = await fileOf('{"row":0.35,"power":0.5}');
    const coefficients = { ...DEFAULTS, row: 0.35, power: 0.5 };
    expect(await load(path)).toEqual({ coefficients, from: path });
    expect((await load(pathToFileURL(path).href)).coefficients).toEqual(coefficients);
    expect((await load('data:application/json,{"row":0.35,"power":0.5}')).coefficients).toEqual(coefficients);
  });

  it.each([
    ["{", "bad-option", "expected a JSON object"],
    ["[1,2]", "bad-option", "received an array of 2"],
    ['{"rows":1}', "unknown-option", 'did you mean "row"?'],
    ['{"row":2}', "bad-option", "a number from 0 to 1"],
  ])("refuses a file that holds %s", async (text, code, part) => {
    await expect(load(await fileOf(text))).rejects.toMatchObject({ code, message: expect.stringContaining(part) });
  });

  it("names a file that is not there, and what else could be given", async () => {
    await expect(load(join(folder, "autp"))).rejects.toMatchObject({
      code: "not-found",
      message: expect.stringMatching(/autp" cannot be read: ENOENT.*give "auto", "default"/),
    });
  });
});
