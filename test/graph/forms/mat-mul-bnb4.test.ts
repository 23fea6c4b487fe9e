import { describe, expect, it } from "vitest";
import { findTargets } from "../../../src/graph/index.js";
import { node, uint8 } from "../../helpers/model.js";
import { layerSpec, modelOf, zeros } from "../model-of.js";

const SIZES = { K: 8, N: 4, block_size: 16, quant_type: 1 };

const found = async (attributes = {}, bytes = 16) =>
  findTargets(
    await modelOf({
      ...layerSpec(
        [
          node(
            "MatMulBnb4",
            ["x", "codes", "absmax"],
            ["y"],
            { ...SIZES, ...attributes },
            { domain: "com.microsoft", name: "/q_proj/MatMul_Bnb4" },
          ),
        ],
        uint8("codes", [bytes], new Uint8Array(bytes)),
        zeros("absmax", 2),
      ),
      domains: { "com.microsoft": 1 },
    }),
  );

describe("MatMulBnb4", () => {
  it("is read as [out, in] with a scale for each block of the flat codes", async () => {
    expect((await found()).targets).toMatchObject([
      {
        name: "q_proj",
        shape: { out: 4, in: 8 },
        order: "out-in",
        coding: { kind: "table", table: "nf4", blockElements: 16 },
      },
    ]);
  });

  it.each<[string, object, number, string]>([
    ["an unknown type of codes", { quant_type: 2 }, 16, "quant_type is neither 0 (FP4) nor 1 (NF4)"],
    ["weights that are stored [K, N]", { transB: 0 }, 16, "transB = 0"],
    ["another number of codes", {}, 8, "does not hold 4 × 8 codes"],
    ["another number of scales", { block_size: 8 }, 16, "has no stored scales [4]"],
    ["sizes that are missing", { N: 0 }, 16, "sizes that do not fit"],
  ])("refuses %s with the reason", async (_, attributes, bytes, reason) => {
    const { targets, skipped } = await found(attributes, bytes);
    expect(targets).toEqual([]);
    expect(skipped).toEqual([{ name: "q_proj", reason: expect.stringContaining(reason) }]);
  });
});
