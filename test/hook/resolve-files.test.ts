import { cpSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { type HostLoadOptions, resolveModel } from "../../src/hook/resolve-files.js";
import { BERT, T5, temporaryFolder } from "./loading.js";

/** A copy of a model whose session files also exist in other dtypes, with a section of its config for the host. */
function modelWith(source: string, suffixes: readonly string[], config: object = {}): string {
  const folder = join(temporaryFolder(), "model");
  cpSync(source, folder, { recursive: true });
  for (const name of source === T5 ? ["encoder_model", "decoder_model_merged"] : ["model"])
    for (const suffix of suffixes)
      cpSync(join(folder, `onnx/${name}.onnx`), join(folder, `onnx/${name}${suffix}.onnx`));
  const path = join(folder, "config.json");
  const own = JSON.parse(readFileSync(path, "utf8"));
  writeFileSync(path, JSON.stringify({ ...own, "transformers.js_config": config }));
  return folder;
}

const filesOf = async (folder: string, options: HostLoadOptions = {}) =>
  (await resolveModel(folder, options)).files.map(({ input }) => basename(input as string));

describe("the files of a model", () => {
  const SUFFIXES = {
    ...{ fp32: "", fp16: "_fp16", q8: "_quantized", int8: "_int8", uint8: "_uint8", q4: "_q4", q4f16: "_q4f16" },
    ...{ q2: "_q2", q2f16: "_q2f16", q1: "_q1", q1f16: "_q1f16", bnb4: "_bnb4" },
  };

  test("are those of the dtype, for every dtype that the host has", async () => {
    const folder = modelWith(BERT, Object.values(SUFFIXES).filter(Boolean));
    for (const [dtype, suffix] of Object.entries(SUFFIXES))
      expect(await filesOf(folder, { dtype })).toEqual([`model${suffix}.onnx`]);
  });

  test("are those of the config's dtype where none is given, or auto", async () => {
    const folder = modelWith(BERT, ["_q4", "_fp16"], { dtype: "q4" });
    expect(await filesOf(folder)).toEqual(["model_q4.onnx"]);
    expect(await filesOf(folder, { dtype: "auto" })).toEqual(["model_q4.onnx"]);
    expect(await filesOf(folder, { dtype: "fp16" })).toEqual(["model_fp16.onnx"]);
  });

  test("are those that the config has for the device", async () => {
    const folder = modelWith(BERT, ["_q4", "_fp16"], { dtype: "q4", device_config: { webgpu: { dtype: "fp16" } } });
    expect(await filesOf(folder, { device: "webgpu" })).toEqual(["model_fp16.onnx"]);
    expect(await filesOf(folder, { device: "cpu" })).toEqual(["model_q4.onnx"]);
  });

  test("may have a dtype each, and the default where a map leaves one out", async () => {
    const folder = modelWith(T5, ["_q4"]);
    expect(await filesOf(folder, { dtype: { decoder_model_merged: "q4" } })).toEqual([
      "decoder_model_merged_q4.onnx",
      "encoder_model.onnx",
    ]);
  });

  test("may have a name and a folder of their own", async () => {
    const folder = modelWith(BERT, []);
    mkdirSync(join(folder, "web/onnx"), { recursive: true });
    renameSync(join(folder, "onnx/model.onnx"), join(folder, "web/onnx/small_quantized.onnx"));
    const options = { model_file_name: "small", subfolder: "web/onnx", dtype: { small: "q8" } };
    const found = await resolveModel(folder, options);
    expect(found.files.map(({ name }) => name)).toEqual(["small_quantized"]);
    expect(relative(folder, found.folder as string)).toBe("");
    const other = await resolveModel(folder, { ...options, model_file_name: "small_quantized", dtype: "fp32" });
    expect(other.files.map(({ name }) => name)).toEqual(["small_quantized"]);
  });

  test.each([
    ["a dtype that does not exist", { dtype: "fp61" }, "unknown-option", /no dtype "fp61"; did you mean "fp16"\?/],
    ["one in a map", { dtype: { encoder_model: "q44" } }, "unknown-option", /did you mean "q4"\?/],
    ["a dtype that is no name", { dtype: 4 as never }, "bad-option", /dtype: expected a dtype.*received 4/],
    [
      "a map that names a file which is not there",
      { dtype: { decoder_model: "fp32" } },
      "unknown-option",
      /dtype names "decoder_model", no session file of this model; did you mean "decoder_model_merged"\?/,
    ],
    [
      "a device for a file which is not there",
      { device: { decoder: "cpu" } },
      "unknown-option",
      /device names "decoder", .*Session files: decoder_model_merged, encoder_model/,
    ],
  ] satisfies [string, HostLoadOptions, string, RegExp][])("refuses %s", async (_, options, code, message) => {
    await expect(resolveModel(T5, options)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });
});
