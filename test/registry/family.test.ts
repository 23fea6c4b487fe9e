import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildModel, findTargets, type Target } from "../../src/graph/index.js";
import { openModel } from "../../src/onnx/index.js";
import { familyOf, fingerprintOf } from "../../src/registry/index.js";
import { bfloat16, float16, float32, modelBytes, node, value } from "../helpers/model.js";

type Store = typeof float32;

/** Linear layers, in → out, with the values of each weight in turn. */
async function layers(
  shapes: readonly (readonly [inputs: number, outputs: number])[],
  valueAt: (k: number, layer: number) => number = (k, layer) => Math.sin(k * 0.7 + layer),
  store: Store = float32,
): Promise<readonly Target[]> {
  const bytes = modelBytes({
    inputs: shapes.map(([inputs], i) => value(`x${i}`, ["tokens", inputs])),
    nodes: shapes.map((_, i) => node("MatMul", [`x${i}`, `layers.${i}.fc.weight`], [`y${i}`])),
    initializers: shapes.map(([inputs, outputs], i) =>
      store(
        `layers.${i}.fc.weight`,
        [inputs, outputs],
        Float32Array.from({ length: inputs * outputs }, (_, k) => valueAt(k, i)),
      ),
    ),
    outputs: shapes.map(([, outputs], i) => value(`y${i}`, ["tokens", outputs])),
  });
  return findTargets(buildModel(await openModel(bytes))).targets;
}

describe("the family of a model", () => {
  it.each<[string, [number, number][], string]>([
    [
      "the class of the commonest width",
      [
        [24, 8],
        [24, 24],
        [96, 24],
      ],
      "llama/16",
    ],
    ["the width itself where it is a power of two", [[32, 8]], "llama/32"],
    [
      "the larger of two widths that are as common",
      [
        [16, 40],
        [40, 16],
      ],
      "llama/32",
    ],
  ])("is its type with %s", async (_, shapes, family) => {
    expect(familyOf("llama", await layers(shapes))).toBe(family);
  });

  it("is unknown without a type, and without weights", async () => {
    expect(familyOf(null, await layers([[8, 8]]))).toBeNull();
    expect(familyOf("llama", [])).toBeNull();
  });

  it("does not ask for what is dense by default, such as a head", async () => {
    const weights = await layers([[8, 8]]);
    const heads = [0, 1].map((i) => ({
      ...weights[0],
      name: `head${i}`,
      shape: { out: 9, in: 512 },
      denseByDefault: "head",
    }));
    expect(familyOf("llama", [...weights, ...(heads as Target[])])).toBe("llama/8");
    expect(await fingerprintOf([...weights, ...(heads as Target[])])).toBe(await fingerprintOf(weights));
  });
});

describe("the fingerprint of a model", () => {
  const SHAPES = [
    [24, 8],
    [8, 24],
  ] as const;

  it("is the same for its float32 and its float16 export, whatever the values", async () => {
    const anyFloat = fc.oneof(
      fc.float({ noNaN: true, noDefaultInfinity: true }),
      fc.double({ min: -2, max: 2, noNaN: true }),
      // Around the smallest normal half float, and halfway between neighbours.
      fc.double({ min: -1.3e-4, max: 1.3e-4, noNaN: true }),
      fc.integer({ min: -4096, max: 4096 }).map((n) => n / 2048 + 1),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(anyFloat, { minLength: 8, maxLength: 60 }), async (values) => {
        const valueAt = (k: number) => values[k % values.length] as number;
        const [full, half] = await Promise.all([layers(SHAPES, valueAt), layers(SHAPES, valueAt, float16)]);
        expect(await fingerprintOf(half)).toBe(await fingerprintOf(full));
      }),
    );
  });

  it("does not see what tools do with values too small for float16", async () => {
    const tiny = await layers(SHAPES, (k) => (k % 2 ? 3e-9 : 1));
    const lifted = await layers(SHAPES, (k) => (k % 2 ? 1.2e-7 : 1), float16);
    expect(await fingerprintOf(lifted)).toBe(await fingerprintOf(tiny));
  });

  it("reads bfloat16, and values in a typed list", async () => {
    const whole = (k: number) => (k % 7) - 3;
    const typed: Store = (name, dims, values) => float32(name, dims, values, "typed");
    const prints = [float32, bfloat16, typed].map(async (store) => fingerprintOf(await layers(SHAPES, whole, store)));
    expect(new Set(await Promise.all(prints)).size).toBe(1);
  });

  it("changes with a value it looks at, a name, a shape and a weight more", async () => {
    const base = await layers(SHAPES);
    const renamed = base.map((target, i) => (i === 0 ? { ...target, name: "layers.9.fc" } : target));
    const prints = await Promise.all(
      [
        base,
        renamed,
        await layers(SHAPES, (k, layer) => Math.sin(k * 0.7 + layer) + (k === 90 && layer === 1 ? 0.5 : 0)),
        await layers([
          [8, 24],
          [8, 24],
        ]),
        await layers([...SHAPES, [4, 4]]),
      ].map(fingerprintOf),
    );
    expect(new Set(prints).size).toBe(5);
    expect(await fingerprintOf([...base].reverse())).toBe(prints[0]);
  });

  it("costs at most 32 reads of 256 bytes, however large the model", async () => {
    const reads: number[] = [];
    const read = async (_: number, length: number) => {
      reads.push(length);
      return new Uint8Array(length);
    };
    const source = { read };
    const weights = Array.from({ length: 211 }, (_, i) => ({
      name: `layers.${i}.fc`,
      shape: { out: 4096, in: 11_008 },
      coding: { kind: "float", dtype: "float32" },
      denseByDefault: null,
      tensor: { data: { kind: "raw", payload: { source, offset: 0, length: 4 * 4096 * 11_008 }, external: null } },
    }));
    await fingerprintOf(weights as unknown as Target[]);
    expect(reads).toEqual(new Array(32).fill(256));
  });
});
