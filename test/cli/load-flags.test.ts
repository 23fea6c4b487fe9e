import { describe, expect, it } from "vitest";
import { run } from "./harness.js";

/** What `inspect` is asked for with some flags. */
const askedFor = async (...flags: string[]) => {
  const { code, stderr, calls } = await run(["inspect", "smol", ...flags]);
  const { signal: _, onProgress: __, ...options } = calls[0]?.[2] ?? {};
  return { code, stderr, options };
};

describe("the files of a model", () => {
  it("are the host's choice unless flags say otherwise", async () => {
    expect((await askedFor()).options).toEqual({});
  });

  it.each([
    [["--dtype", "q4"], { dtype: "q4" }],
    [["--dtype", '{"decoder_model_merged":"q4"}'], { dtype: { decoder_model_merged: "q4" } }],
    [["--device", "webgpu"], { device: "webgpu" }],
    [["--subfolder", ""], { subfolder: "" }],
    [["--model-file-name", "model_v2"], { model_file_name: "model_v2" }],
    [["--external-data", "true"], { use_external_data_format: true }],
    [["--external-data", "2"], { use_external_data_format: 2 }],
    [["--external-data", '{"model.onnx":2}'], { use_external_data_format: { "model.onnx": 2 } }],
  ])("are chosen by %j in the host's own words", async (flags, options) => {
    expect((await askedFor(...flags)).options).toEqual(options);
  });

  it.each([
    [["--dtype", "{decoder:q4}"], /--dtype: expected a name, or JSON such as/],
    [["--external-data", "two"], /--external-data: expected true, false, a number of files/],
    [["--external-data", "-1"], /--external-data: expected true, false, a number of files/],
  ])("are not guessed from %j", async (flags, message) => {
    const { code, stderr } = await askedFor(...flags);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
  });
});
