/** What needs a file system, in a page: refused, with what to do instead. */
import { expect, it } from "vitest";
import { openModel } from "../src/onnx/index.js";
import { compressors } from "../src/prune/compressors.node.js";
import { readText } from "../src/registry/index.js";

it.each<[what: string, attempt: () => unknown, code: string, sentence: RegExp]>([
  ["a model by its path", () => openModel("model.onnx"), "unsupported", /^model\.onnx .*give the bytes or a Blob/],
  ["sizes after compression", () => compressors(), "unsupported", /^compareBytes.*no brotli/],
  [
    "coefficients of a file",
    () => readText("file:///tuned.json"),
    "not-found",
    /file:\/\/\/tuned\.json.*page has no file system/,
  ],
])("refuses %s and says what to do instead", async (_, attempt, code, sentence) => {
  await expect(async () => attempt()).rejects.toMatchObject({ code, message: expect.stringMatching(sentence) });
});

it("reads coefficients from an address, relative to the page", async () => {
  expect(await readText("data:application/json,[]")).toBe("[]");
});
