import { describe, expect, it } from "vitest";
import { findTargets, findWritableTargets } from "../../src/graph/index.js";
import { DATA_TYPE, float32, node, rawTensor } from "../helpers/model.js";
import { layerSpec, modelOf } from "./model-of.js";

describe("findWritableTargets", () => {
  it.each([
    [
      "fewer bytes than its shape needs",
      rawTensor("w", DATA_TYPE.float32, [2 ** 40, 2], new Uint8Array(8)),
      /found 8;/,
    ],
    [
      "a list that cannot hold its shape",
      { ...float32("w", [2], [1, 2], "typed"), dims: [2 ** 20, 2 ** 20] },
      /found 8/,
    ],
    ["more bytes than its shape needs", rawTensor("w", DATA_TYPE.float32, [8, 8], new Uint8Array(260)), /found 260/],
    ["no values", { name: "w", dataType: 1, dims: [8, 8] }, /found 0/],
  ])("refuses a file with %s of a weight before anything is allocated by the shape", async (_, weight, found) => {
    const model = await modelOf(layerSpec([node("MatMul", ["x", "w"], ["y"])], weight));
    expect(findTargets(model).targets).toHaveLength(1);
    const error = await findWritableTargets(model).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "bad-model", message: expect.stringMatching(found) });
  });
});
