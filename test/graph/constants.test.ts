import { describe, expect, it } from "vitest";
import { findConstants } from "../../src/graph/constants.js";
import { constant, ifNode, node, value } from "../helpers/model.js";
import { layerSpec, modelOf, valueNamed, zeros } from "./model-of.js";

/** Constant values of the main graph by name, each with the name of its origin. */
async function origins(...spec: Parameters<typeof layerSpec>) {
  const { graph } = await modelOf(layerSpec(...spec));
  const pairs = [...findConstants(graph)].filter(([constant]) => constant.graph === graph);
  return Object.fromEntries(pairs.map(([constant, origin]) => [constant.name, origin?.name ?? null]));
}

describe("findConstants", () => {
  it("spreads through nodes whose inputs are all constant, and remembers the largest matrix behind each", async () => {
    const nodes = [
      constant(zeros("small", 2, 2)),
      node("Mul", ["large", "scale"], ["scaled"]),
      node("Concat", ["small", "scaled"], ["joined"], { axis: 0 }),
      node("Add", ["x", "joined"], ["y"]),
    ];
    expect(await origins(nodes, zeros("large", 4, 2), zeros("scale", 2))).toEqual({
      small: "small",
      large: "large",
      scale: null,
      scaled: "large",
      joined: "large",
    });
  });

  it("stops at random generators, at nodes with bodies, and at defaults that an input may override", async () => {
    const branch = { nodes: [node("Neg", ["w"], ["out"])], outputs: [value("out", [null])] };
    const nodes = [
      node("RandomNormalLike", ["w"], ["noise"]),
      node("RandomNormal", [], ["more"]),
      ifNode("w", ["chosen"], branch, branch),
      node("Sum", ["x", "noise", "more", "chosen"], ["y"]),
    ];
    expect(await origins(nodes, zeros("w", 2, 2))).toEqual({ w: "w" });
    const spec = layerSpec([node("Neg", ["x"], ["y"])], zeros("x", 2, 8));
    const { graph } = await modelOf(spec);
    expect(findConstants(graph).has(valueNamed(graph, "x"))).toBe(false);
  });
});
