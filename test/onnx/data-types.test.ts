import { onnx } from "onnx-proto";
import { describe, expect, it } from "vitest";
import { byteLengthOf, DATA_TYPES } from "../../src/onnx/index.js";

describe("byteLengthOf", () => {
  it.each([
    ["float32 [2, 3]", 1, [2, 3], 24],
    ["a float16 scalar", 10, [], 2],
    ["packed int4 [3], rounded up", 22, [3], 2],
    ["packed int2 [5], rounded up", 26, [5], 2],
    ["complex128 [2]", 15, [2], 32],
    ["an empty axis beside a huge one", 1, [0, 2 ** 52, 2 ** 52], 0],
  ])("gives the bytes of %s", (_, dataType, dims, expected) => {
    expect(byteLengthOf(dataType, dims)).toBe(expected);
  });

  it.each([
    ["strings", 8, [1], "unsupported"],
    ["undefined types", 0, [1], "unsupported"],
    ["types yet to come", 99, [1], "unsupported"],
    ["negative dimensions", 1, [-1], "bad-model"],
    ["sizes beyond 2^53", 1, [2 ** 40, 2 ** 40], "bad-model"],
  ])("refuses %s", (_, dataType, dims, code) => {
    expect(() => byteLengthOf(dataType, dims)).toThrow(expect.objectContaining({ name: "PruneError", code }));
  });
});

it("names the types as TensorProto.DataType numbers them", () => {
  const renamed: Readonly<Record<string, string>> = { FLOAT: "float32", DOUBLE: "float64" };
  for (const [name, number] of Object.entries(onnx.TensorProto.DataType)) {
    if (number !== 0) expect(DATA_TYPES[number as number]?.name).toBe(renamed[name] ?? name.toLowerCase());
  }
});
