import { describe, expect, it } from "vitest";
import { buildModel, findTargets, findWritableTargets } from "../../../src/graph/index.js";
import { openModel } from "../../../src/onnx/index.js";
import { float32, int32, modelBytes, node, uint8 } from "../../helpers/model.js";
import { layerSpec, zeros } from "../model-of.js";

interface Parts {
  readonly attributes?: Readonly<Record<string, number>>;
  readonly inputs?: readonly string[];
  readonly codes?: readonly number[];
  readonly zeroPoints?: readonly number[];
}

const SIZES = { K: 8, N: 4, bits: 4, block_size: 16 };

/** A weight [4, 8] in one block of 16 an output row. */
async function model({ attributes = {}, inputs = ["x", "codes", "scales"], codes = [4, 1, 8], zeroPoints }: Parts) {
  const onnx = await openModel(
    modelBytes({
      ...layerSpec(
        [
          node(
            "MatMulNBits",
            inputs,
            ["y"],
            { ...SIZES, ...attributes },
            { domain: "com.microsoft", name: "/q_proj/MatMul_Q4" },
          ),
        ],
        uint8("codes", codes, new Uint8Array(codes.reduce((a, b) => a * b, 1))),
        zeros("scales", 4, 1),
        float32("zeros", [4, 1], zeroPoints ?? [0, 0, 0, 0]),
        uint8("wide", [4, 2], new Uint8Array(8)),
        int32("order", [8], [0, 0, 0, 0, 0, 0, 0, 0]),
      ),
      domains: { "com.microsoft": 1 },
    }),
  );
  return buildModel(onnx);
}

describe("MatMulNBits", () => {
  it("is read as [out, in] with a scale for every block of an output row", async () => {
    const { targets, skipped } = findTargets(await model({}));
    expect(skipped).toEqual([]);
    expect(targets).toMatchObject([
      {
        ...{ name: "q_proj", kind: "q", form: "MatMulNBits", shape: { out: 4, in: 8 }, order: "out-in" },
        coding: { kind: "affine", bits: 4, signed: false, rowElements: 16, rowGroup: 1, columnGroup: 16, zeros: 8 },
      },
    ]);
  });

  it.each<[string, Parts, string]>([
    ["weights packed for CUDA", { attributes: { weight_prepacked: 1 } }, "packed for CUDA kernels (weight_prepacked)"],
    ["reordered channels", { inputs: ["x", "codes", "scales", "", "order"] }, "g_idx"],
    ["widths that do not fill bytes", { attributes: { bits: 3 } }, "codes of 3 bits"],
    ["codes of another size than the attributes say", { codes: [4, 1, 4] }, "does not hold 4 × 1 blocks of 16"],
    ["zero points of another size", { inputs: ["x", "codes", "scales", "wide"] }, "zero points of an unknown layout"],
    ["scales of another size", { inputs: ["x", "codes", "wide"] }, "no stored scales [4, 1]"],
    ["sizes that are missing", { attributes: { K: 0 } }, "sizes that do not fit"],
  ])("refuses %s by name", async (_, parts, reason) => {
    const { targets, skipped } = findTargets(await model(parts));
    expect(targets).toEqual([]);
    expect(skipped).toEqual([{ name: "q_proj", reason: expect.stringContaining(reason) }]);
  });

  it("leaves weights dense whose float zero points have no code, once they are read", async () => {
    const inputs = ["x", "codes", "scales", "zeros"];
    const whole = await model({ inputs, zeroPoints: [0, 7, 8, 15] });
    expect((await findWritableTargets(whole)).targets).toHaveLength(1);
    for (const odd of [7.5, 16, -1, Number.NaN]) {
      const { targets, skipped } = await findWritableTargets(await model({ inputs, zeroPoints: [8, odd, 8, 8] }));
      expect(targets).toEqual([]);
      expect(skipped).toEqual([{ name: "q_proj", reason: expect.stringContaining(`zero point of ${odd}`) }]);
    }
  });
});
