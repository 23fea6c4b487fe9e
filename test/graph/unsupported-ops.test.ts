import { describe, expect, it } from "vitest";
import { findTargets } from "../../src/graph/index.js";
import { node, uint8 } from "../helpers/model.js";
import { layerSpec, modelOf, zeros } from "./model-of.js";

describe("refuseUnsupported", () => {
  it("names quantised, convolution and expert weights with their operator", async () => {
    const ms = { domain: "com.microsoft" };
    const nodes = [
      node("MatMulFpQ4", ["x", "q4", "scales"], ["a"], {}, { ...ms, name: "/model/layers.0/q_proj/MatMul_Q4" }),
      node("ConvTranspose", ["a", "kernel", "bias"], ["b"], {}, { name: "/upsample/Conv" }),
      node("QMoE", ["b", "a", "up", "scales", "", "down", "scales"], ["y"], {}, { ...ms, name: "" }),
    ];
    const { targets, skipped } = findTargets(
      await modelOf({
        ...layerSpec(
          nodes,
          uint8("q4", [4, 1, 16], new Uint8Array(64)),
          zeros("scales", 4, 2),
          zeros("kernel", 4, 3, 2, 2),
          zeros("bias", 4),
          uint8("up", [2, 4, 8], new Uint8Array(64)),
          uint8("down", [2, 8, 4], new Uint8Array(64)),
        ),
        domains: { "com.microsoft": 1 },
      }),
    );
    expect(targets).toEqual([]);
    expect(skipped).toEqual([
      { name: "layers.0.q_proj", reason: "MatMulFpQ4 weights are not supported yet" },
      { name: "upsample", reason: "ConvTranspose weights are not supported yet" },
      { name: "up", reason: "QMoE weights are not supported yet" },
      { name: "down", reason: "QMoE weights are not supported yet" },
    ]);
  });

  it("ignores an operator of the list whose input is an activation", async () => {
    const nodes = [node("Attention", ["x", "x", "x"], ["y"]), node("constructor", ["x"], ["z"])];
    expect(findTargets(await modelOf(layerSpec(nodes)))).toEqual({ targets: [], skipped: [] });
  });
});
