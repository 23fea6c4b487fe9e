import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildModel, findTargets, type Graph, type Node } from "../../src/graph/index.js";
import { allNodes, allValues } from "../../src/graph/walk.js";
import { constant, ifNode, node, value } from "../helpers/model.js";
import { layerSpec, modelOf, onnxModel, onnxNode, valueNamed, zeros } from "./model-of.js";

describe("buildModel", () => {
  it("joins producers and uses by reference, in whatever order the nodes stand", async () => {
    const { graph } = await modelOf(
      layerSpec([node("Relu", ["h"], ["y"]), node("MatMul", ["x", "w"], ["h"])], zeros("w", 8, 4)),
    );
    const [relu, matMul] = graph.nodes;
    const hidden = valueNamed(graph, "h");
    expect(hidden.producer).toBe(matMul);
    expect(hidden.uses).toEqual([{ node: relu, index: 0 }]);
    expect(matMul?.inputs).toEqual([valueNamed(graph, "x"), valueNamed(graph, "w")]);
    expect(valueNamed(graph, "w")).toMatchObject({ producer: null, isGraphInput: false, elemType: 1 });
    expect(valueNamed(graph, "w").initializer).toBe(graph.onnx.initializers[0]);
    expect(valueNamed(graph, "y").isGraphOutput).toBe(true);
  });

  it("links inputs of a body to the values around it, and lets a branch call its result like that of its If", async () => {
    const branch = (input: string, out: string, last: string) => ({
      nodes: [node("Neg", [input], [out]), node("Abs", [out], [last])],
      outputs: [value(last, [null])],
    });
    const { graph } = await modelOf(
      layerSpec([node("Relu", ["x"], ["h"]), ifNode("x", ["y"], branch("h", "inner", "out"), branch("x", "y", "out"))]),
    );
    const bodies = graph.nodes[1]?.bodies ?? [];
    expect(bodies.map(({ attribute }) => attribute)).toEqual(["then_branch", "else_branch"]);
    const [seesOuter, hides] = bodies.map(({ graph }) => graph) as [Graph, Graph];
    expect(seesOuter.parent).toBe(graph.nodes[1]);
    expect(seesOuter.nodes[0]?.inputs[0]).toBe(valueNamed(graph, "h"));
    expect(valueNamed(graph, "h").uses).toEqual([{ node: seesOuter.nodes[0], index: 0 }]);
    expect(hides.nodes[1]?.inputs[0]).toBe(valueNamed(hides, "y"));
    expect(valueNamed(graph, "y").uses).toEqual([]);
  });

  it("keeps indices where optional inputs and outputs are left out", async () => {
    const { graph } = await modelOf(layerSpec([node("Custom", ["x", "", "x"], ["y", "", "z"])]));
    const custom = graph.nodes[0] as Node;
    expect(custom.inputs.map((input) => input?.name ?? null)).toEqual(["x", null, "x"]);
    expect(custom.outputs.map(({ name }) => name)).toEqual(["y", "", "z"]);
    expect(valueNamed(graph, "x").uses.map(({ index }) => index)).toEqual([0, 2]);
    expect(graph.values.has("")).toBe(false);
  });

  it("takes an initializer of a graph input's name as that input's default", async () => {
    const spec = layerSpec([node("MatMul", ["x", "w"], ["y"])], zeros("w", 8, 4));
    const { graph } = await modelOf({ ...spec, inputs: [...(spec.inputs ?? []), value("w", [8, 4])] });
    expect(valueNamed(graph, "w")).toMatchObject({ isGraphInput: true, producer: null });
    expect(valueNamed(graph, "w").initializer).toBe(graph.onnx.initializers[0]);
  });

  it.each([
    ["two nodes", [node("Relu", ["x"], ["y"]), node("Neg", ["x"], ["y"])], [], /Relu node "Relu_y".*Neg node "Neg_y"/],
    ["a node and an initializer", [node("Relu", ["x"], ["y"])], [zeros("y", 1)], /initializer.*Relu node/],
    ["two initializers", [node("Relu", ["x"], ["y"])], [zeros("w", 1), zeros("w", 1)], /"w".*initializer.*initializer/],
    ["a graph input and a node", [node("Relu", ["y"], ["x"], {}, { name: "" })], [], /input.*unnamed Relu.*"x"/],
  ])("refuses a name that %s define", async (_, nodes, initializers, message) => {
    await expect(modelOf(layerSpec(nodes, ...initializers))).rejects.toMatchObject({
      code: "bad-graph",
      message: expect.stringMatching(message),
    });
  });

  it("refuses an input that nothing defines, and names the node", async () => {
    await expect(modelOf(layerSpec([node("Add", ["x", "bias"], ["y"])]))).rejects.toMatchObject({
      code: "bad-graph",
      message: expect.stringContaining('input 1 of Add node "Add_y" is "bias"'),
    });
  });

  it("refuses a branch that returns a value of the graph around it, as ONNX Runtime does", async () => {
    const branch = { nodes: [], outputs: [value("h", [null])] };
    const nodes = [constant(zeros("c")), node("Relu", ["x"], ["h"]), ifNode("c", ["y"], branch, branch)];
    await expect(modelOf(layerSpec(nodes))).rejects.toMatchObject({
      code: "bad-graph",
      message: expect.stringContaining("Identity"),
    });
  });

  it("holds uses and producers consistent both ways in random graphs with branches, whatever the node order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(randomNode(), { maxLength: 20 }), fc.integer(), async (steps, seed) => {
        const { graph } = await modelOf(shuffledSpec(steps, seed));
        for (const link of allValues(graph)) {
          for (const { node, index } of link.uses) expect(node.inputs[index]).toBe(link);
          if (link.producer) expect(link.producer.outputs).toContain(link);
        }
        let uses = 0;
        for (const each of allNodes(graph)) {
          for (const output of each.outputs) expect(output.producer).toBe(each);
          for (const [index, input] of each.inputs.entries()) {
            expect(input?.uses.filter((use) => use.node === each && use.index === index)).toHaveLength(1);
            expect(input?.name).toBe(each.onnx.inputs[index]);
            uses++;
          }
        }
        expect([...allValues(graph)].reduce((sum, { uses }) => sum + uses.length, 0)).toBe(uses);
      }),
      { seed: 7, numRuns: 60 },
    );
  });

  // What were quadratic would not end within the time that a test has.
  it("links a chain of 100,000 nodes, and searches it without recursion", () => {
    const nodes = Array.from({ length: 100_000 }, (_, i) => onnxNode("Relu", [`v${i}`], [`v${i + 1}`]));
    const model = buildModel(onnxModel({ nodes, inputs: ["v0"], outputs: ["v100000"] }));
    expect(findTargets(model)).toEqual({ targets: [], skipped: [] });
    expect(valueNamed(model.graph, "v50000").uses).toHaveLength(1);
  });
});

// --- random graphs ----------------------------------------------------------------------------

/** Which earlier values a node reads (as fractions of how many there are), and whether it does so inside an If. */
const randomNode = () =>
  fc.record({ reads: fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { maxLength: 3 }), inIf: fc.boolean() });

function shuffledSpec(steps: readonly { reads: readonly number[]; inIf: boolean }[], seed: number) {
  const nodes = steps.map(({ reads, inIf }, i) => {
    const names = reads.map((fraction) => {
      const index = Math.floor(fraction * (i + 1));
      return index === 0 ? "x" : `v${index}`;
    });
    if (!inIf) return node("Sum", names, [`v${i + 1}`]);
    const branch = { nodes: [node("Sum", names, ["inner"])], outputs: [value("inner", [null])] };
    return ifNode("x", [`v${i + 1}`], branch, branch);
  });
  const order = nodes.map((each, i) => ({ each, key: Math.sin(seed + i * i) }));
  order.sort((a, b) => a.key - b.key);
  return layerSpec([...order.map(({ each }) => each), node("Relu", ["x"], ["y"])]);
}
