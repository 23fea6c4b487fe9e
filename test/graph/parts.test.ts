import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cutIntoParts, type GraphPart, type Model, type Node, type Value } from "../../src/graph/index.js";
import { constant, float32, ifNode, node, value } from "../helpers/model.js";
import { modelOf } from "./model-of.js";

const BYTES = 16;
const weight = (name: string) => float32(name, [4], [1, 2, 3, 4]);

/** What each node reads, by index: nodes before it, or a weight of its own; some through a branch of an If. */
const recipe = fc.array(
  fc.record({
    from: fc.array(fc.nat(), { maxLength: 3 }),
    hasWeight: fc.boolean(),
    isIf: fc.boolean(),
  }),
  { minLength: 1, maxLength: 30 },
);

async function build(nodes: readonly { from: readonly number[]; hasWeight: boolean; isIf: boolean }[]): Promise<Model> {
  const reads = nodes.map(({ from, hasWeight }, i) => [
    ...from.map((k) => (k % (i + 1) === 0 ? "x" : `v${(k % (i + 1)) - 1}`)),
    ...(hasWeight ? [`w${i}`] : []),
  ]);
  return modelOf({
    inputs: [value("x", [4]), value("on", [], 9)],
    nodes: reads.map((inputs, i) => {
      const names = inputs.length === 0 ? ["shared"] : inputs;
      if (nodes[i]?.isIf !== true) return node("Sum", names, [`v${i}`]);
      const branch = (name: string) => ({ nodes: [node("Sum", names, [name])], outputs: [value(name, [4])] });
      return ifNode("on", [`v${i}`], branch(`then${i}`), branch(`else${i}`));
    }),
    initializers: [weight("shared"), ...nodes.flatMap(({ hasWeight }, i) => (hasWeight ? [weight(`w${i}`)] : []))],
    outputs: [value(`v${nodes.length - 1}`, [4])],
  });
}

const lastValue = ({ graph }: Model) => graph.outputs[0] as Value;
/** All values of the main graph that a node reads, those of its bodies included. */
const reads = (node: Node, main = node.graph): Value[] => [
  ...node.inputs.flatMap((input) => (input?.graph === main ? [input] : [])),
  ...node.bodies.flatMap(({ graph }) => graph.nodes.flatMap((inner) => reads(inner, main))),
];

describe("cutIntoParts", () => {
  test("leaves every part with all that its nodes read, and everything wanted in some part", async () => {
    await fc.assert(
      fc.asyncProperty(recipe, fc.nat(6), async (nodes, weights) => {
        const model = await build(nodes);
        const wanted = lastValue(model);
        const parts = cutIntoParts(model, { values: [wanted], nodes: [] }, weights * BYTES);
        const given = new Set<Value>();
        for (const part of parts) {
          for (const taken of part.takes) expect(given).toContain(taken);
          for (const one of [...part.nodes].flatMap((node) => reads(node))) expect(isThere(one, part)).toBe(true);
          for (const one of part.gives) given.add(one);
          for (const one of part.gives) expect(part.nodes).toContain(one.producer);
        }
        expect(parts.some((part) => part.nodes.has(wanted.producer as Node))).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  test("computes nothing twice but constants, and fills parts up to the bound", async () => {
    const nodes = Array.from({ length: 8 }, (_, i) => ({ from: [i], hasWeight: true, isIf: false }));
    const model = await build(nodes);
    const parts = cutIntoParts(model, { values: [lastValue(model)], nodes: [] }, 3 * BYTES);
    expect(parts.map(({ nodes, bytes }) => [nodes.size, bytes])).toEqual([
      [3, 48],
      [3, 48],
      [2, 32],
    ]);
    expect(parts.map(({ takes, gives }) => [takes, gives].map((all) => all.map(({ name }) => name)))).toEqual([
      [[], ["v2"]],
      [["v2"], ["v5"]],
      [["v5"], []],
    ]);
  });

  test("cuts where the least crosses, and never carries what is computed from weights alone", async () => {
    const model = await modelOf({
      inputs: [value("x", [4])],
      nodes: [
        node("Neg", ["w"], ["constant"]),
        node("Mul", ["x", "a"], ["state"]),
        node("Mul", ["state", "b"], ["left"]),
        node("Mul", ["state", "constant"], ["right"]),
        node("Add", ["left", "right"], ["sum"]),
        node("Mul", ["sum", "c"], ["up"]),
        node("Mul", ["up", "constant"], ["y"]),
      ],
      initializers: ["w", "a", "b", "c"].map(weight),
      outputs: [value("y", [4])],
    });
    const parts = cutIntoParts(model, { values: [lastValue(model)], nodes: [] }, 3 * BYTES);
    expect(parts.map(({ nodes }) => [...nodes].map(({ outputs: [output] }) => output?.name).sort())).toEqual([
      ["constant", "left", "right", "state", "sum"],
      ["constant", "up", "y"],
    ]);
    expect(parts.map(({ takes }) => takes.map(({ name }) => name))).toEqual([[], ["sum"]]);
  });

  test("counts weights in the bodies and in the attributes of nodes, and in typed lists", async () => {
    const branch = (name: string) => ({
      nodes: [node("Add", ["x", `${name}_weight`], [name])],
      initializers: [weight(`${name}_weight`)],
      outputs: [value(name, [4])],
    });
    const model = await modelOf({
      inputs: [value("x", [4]), value("on", [], 9)],
      nodes: [
        ifNode("on", ["a"], branch("then"), branch("else")),
        constant(weight("constant")),
        node("Sum", ["a", "constant", "listed"], ["b"]),
      ],
      initializers: [float32("listed", [4], [1, 2, 3, 4], "typed")],
      outputs: [value("b", [4])],
    });
    const [part, ...others] = cutIntoParts(model, { values: [lastValue(model)], nodes: [] }, 100 * BYTES);
    expect([part?.bytes, others]).toEqual([4 * BYTES, []]);
  });
});

function isThere({ producer, initializer, isGraphInput, ...value }: Value, part: GraphPart): boolean {
  if (initializer !== null) return part.initializers.has(initializer);
  return isGraphInput || part.nodes.has(producer as Node) || part.takes.some(({ name }) => name === value.name);
}
