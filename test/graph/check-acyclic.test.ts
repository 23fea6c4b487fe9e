import { describe, expect, it } from "vitest";
import { ifNode, node, value } from "../helpers/model.js";
import { layerSpec, modelOf } from "./model-of.js";

describe("checkAcyclic", () => {
  it("names the nodes of the cycle, and none that only wait behind it", async () => {
    const nodes = [
      node("Relu", ["b"], ["y"], {}, { name: "behind" }),
      node("Add", ["x", "b"], ["a"], {}, { name: "first" }),
      node("Neg", ["a"], ["b"], {}, { name: "second" }),
    ];
    const error = await modelOf(layerSpec(nodes)).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "bad-graph", details: { cycleLength: 2 } });
    expect((error as Error).message).toMatch(/"first".*"second"|"second".*"first"/);
    expect((error as Error).message).not.toContain("behind");
  });

  it("refuses a node that reads its own result", async () => {
    await expect(modelOf(layerSpec([node("Add", ["x", "y"], ["y"])]))).rejects.toMatchObject({
      code: "bad-graph",
      message: expect.stringContaining('Add node "Add_y" reads its own result'),
    });
  });

  it("refuses an If whose branch needs what the If makes", async () => {
    const branch = { nodes: [node("Relu", ["late"], ["out"])], outputs: [value("out", [null])] };
    const nodes = [ifNode("x", ["y"], branch, branch), node("Neg", ["y"], ["late"])];
    await expect(modelOf(layerSpec(nodes))).rejects.toMatchObject({ code: "bad-graph" });
  });

  it("refuses a cycle inside a branch", async () => {
    const branch = {
      nodes: [node("Add", ["x", "b"], ["a"]), node("Neg", ["a"], ["b"])],
      outputs: [value("b", [null])],
    };
    await expect(modelOf(layerSpec([ifNode("x", ["y"], branch, branch)]))).rejects.toMatchObject({ code: "bad-graph" });
  });
});
