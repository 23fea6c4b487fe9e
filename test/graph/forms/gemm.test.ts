import { describe, expect, it } from "vitest";
import { findTargets } from "../../../src/graph/index.js";
import { float, node } from "../../helpers/model.js";
import { layerSpec, modelOf, zeros } from "../model-of.js";

const gemm = (weight: string, attributes = {}) => node("Gemm", ["x", weight, "bias"], ["y"], attributes);

async function found(nodes: Parameters<typeof layerSpec>[0], ...dims: number[]) {
  return findTargets(await modelOf(layerSpec(nodes, zeros("w", ...dims), zeros("bias", 4))));
}

describe("gemm", () => {
  it.each([
    ["[in, out] without transB", [gemm("w")], [8, 4], "in-out"],
    ["[out, in] with transB", [gemm("w", { transB: 1 })], [4, 8], "out-in"],
    [
      "[in, out] with transB behind a Transpose",
      [node("Transpose", ["w"], ["t"]), gemm("t", { transB: 1 })],
      [8, 4],
      "in-out",
    ],
    ["[out, in] behind a Transpose", [node("Transpose", ["w"], ["t"]), gemm("t")], [4, 8], "out-in"],
    ["[in, out] whatever alpha and beta are", [gemm("w", { alpha: float(2), beta: float(0.5) })], [8, 4], "in-out"],
  ])("takes a weight stored %s, and not the bias", async (_, nodes, dims, order) => {
    const { targets, skipped } = await found(nodes, ...dims);
    expect(targets).toMatchObject([{ form: "Gemm", shape: { out: 4, in: 8 }, order }]);
    expect(skipped).toEqual([]);
  });

  it("refuses transA, where the last axis is not the input channel", async () => {
    const { targets, skipped } = await found([gemm("w", { transA: 1 })], 8, 4);
    expect(targets).toEqual([]);
    expect(skipped).toEqual([{ name: "w", reason: expect.stringContaining("transA") }]);
  });
});
