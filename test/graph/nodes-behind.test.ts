import { describe, expect, it } from "vitest";
import { nodesBehind } from "../../src/graph/index.js";
import { ifNode, node, value } from "../helpers/model.js";
import { layerSpec, modelOf, valueNamed, zeros } from "./model-of.js";

describe("the nodes behind a value", () => {
  it("are all that must run for it, and none that come after or beside it", async () => {
    const { graph } = await modelOf(
      layerSpec(
        [
          node("Relu", ["x"], ["a"]),
          node("MatMul", ["a", "w"], ["b"]),
          node("Neg", ["x"], ["beside"]),
          node("Add", ["b", "beside"], ["y"]),
        ],
        zeros("w", 8, 8),
      ),
    );
    const behind = (name: string) =>
      [...nodesBehind([valueNamed(graph, name)])].map(({ onnx }) => onnx.outputs[0]).sort();
    expect(behind("x")).toEqual([]);
    expect(behind("b")).toEqual(["a", "b"]);
    expect(behind("y")).toEqual(["a", "b", "beside", "y"]);
  });

  it("reach into nested graphs and out of them", async () => {
    const branch = (name: string, from: string) => ({
      nodes: [node("Relu", [from], [name])],
      outputs: [value(name, ["tokens", 8])],
    });
    const { graph } = await modelOf({
      inputs: [value("x", ["tokens", 8]), value("condition", [], 9)],
      nodes: [node("Neg", ["x"], ["outer"]), ifNode("condition", ["y"], branch("then", "outer"), branch("else", "x"))],
      outputs: [value("y", ["tokens", 8])],
    });
    const all = [...nodesBehind([valueNamed(graph, "y")])].map(({ onnx }) => onnx.outputs[0]).sort();
    expect(all).toEqual(["else", "outer", "then", "y"]);
    // What lies in a branch runs only where the whole of it runs.
    const inner = [...nodesBehind([valueNamed(graph, "y")])].find(({ onnx }) => onnx.outputs[0] === "then");
    expect(nodesBehind(inner?.outputs ?? []).size).toBe(4);
  });
});
