import { onnx } from "onnx-proto";
import { describe, expect, it } from "vitest";
import { type OnnxTensor, openModel, readTensor } from "../../src/onnx/index.js";
import { bytesOf, float32, modelBytes, rawTensor, uint8 } from "../helpers/model.js";
import { concat, delimited, scalar } from "./wire-bytes.js";

async function onlyTensor(bytes: Uint8Array | Blob): Promise<OnnxTensor> {
  const { graph } = await openModel(bytes, { name: "tiny.onnx" });
  return graph.initializers[0] as OnnxTensor;
}

async function read(tensor: onnx.ITensorProto): Promise<Uint8Array> {
  return readTensor(await onlyTensor(modelBytes({ initializers: [tensor] })));
}

describe("readTensor", () => {
  const { DataType } = onnx.TensorProto;
  const cases: readonly [what: string, tensor: onnx.ITensorProto, expected: ArrayBufferView][] = [
    ["float32 in float_data", { dataType: DataType.FLOAT, floatData: [1.5, -2] }, Float32Array.of(1.5, -2)],
    ["float64 in double_data", { dataType: DataType.DOUBLE, doubleData: [1e300, -2] }, Float64Array.of(1e300, -2)],
    ["int32 in int32_data", { dataType: DataType.INT32, int32Data: [-1, 2 ** 31 - 1] }, Int32Array.of(-1, 2 ** 31 - 1)],
    ["int16 in int32_data", { dataType: DataType.INT16, int32Data: [-1, 300] }, Int16Array.of(-1, 300)],
    ["int8 in int32_data", { dataType: DataType.INT8, int32Data: [-128, 127] }, Int8Array.of(-128, 127)],
    ["uint8 in int32_data", { dataType: DataType.UINT8, int32Data: [0, 255] }, Uint8Array.of(0, 255)],
    ["bool in int32_data", { dataType: DataType.BOOL, int32Data: [1, 0] }, Uint8Array.of(1, 0)],
    [
      "float16 bits in int32_data",
      { dataType: DataType.FLOAT16, int32Data: [0x3c00, 0xbc00] },
      Uint16Array.of(0x3c00, 0xbc00),
    ],
    [
      "bfloat16 bits in int32_data",
      { dataType: DataType.BFLOAT16, int32Data: [0x3f80, 0xff80] },
      Uint16Array.of(0x3f80, 0xff80),
    ],
    ["int64 in int64_data", { dataType: DataType.INT64, int64Data: [-3, 2 ** 40] }, BigInt64Array.of(-3n, 2n ** 40n)],
    [
      "uint64 in uint64_data",
      { dataType: DataType.UINT64, uint64Data: [1, 2 ** 52] },
      BigUint64Array.of(1n, 2n ** 52n),
    ],
    [
      "uint32 in uint64_data",
      { dataType: DataType.UINT32, uint64Data: [1, 2 ** 32 - 1] },
      Uint32Array.of(1, 2 ** 32 - 1),
    ],
  ];
  it.each(cases)("reads %s", async (_, tensor, expected) => {
    expect(await read({ ...tensor, dims: [2] })).toEqual(bytesOf(expected));
  });

  it("reads complex numbers as pairs and packed 4-bit numbers as bytes", async () => {
    const complex = { dataType: DataType.COMPLEX64, dims: [1], floatData: [1, 2] };
    expect(await read(complex)).toEqual(bytesOf(Float32Array.of(1, 2)));
    expect(await read({ dataType: 22, dims: [3], int32Data: [0x21, 0x03] })).toEqual(Uint8Array.of(0x21, 0x03));
  });

  it("reads lists that are not packed, short or left in the file", async () => {
    for (const count of [2, 3000]) {
      const list = concat(...Array.from({ length: count }, (_, index) => scalar(7, index)));
      const bytes = delimited(7, delimited(5, concat(list, scalar(1, count), scalar(2, 7))));
      const expected = bytesOf(BigInt64Array.from({ length: count }, (_, index) => BigInt(index)));
      expect(await readTensor(await onlyTensor(bytes))).toEqual(expected);
      expect(await readTensor(await onlyTensor(new Blob([new Uint8Array(bytes)])))).toEqual(expected);
    }
  });

  it("gives bytes that any typed array can view", async () => {
    for (let length = 1; length < 9; length++) {
      const { graph } = await openModel(
        modelBytes({ initializers: [uint8("u".repeat(length), [1], [1]), float32("w", [2], [1, 2])] }),
      );
      const bytes = await readTensor(graph.initializers[1] as OnnxTensor);
      expect(new Float32Array(bytes.buffer, bytes.byteOffset, 2)).toEqual(Float32Array.of(1, 2));
    }
  });

  it("reads empty tensors in every storage", async () => {
    expect(await read(float32("w", [0, 4], []))).toHaveLength(0);
    expect(await read({ name: "w", dataType: 1, dims: [0] })).toHaveLength(0);
  });

  it.each([
    ["raw_data is too short", rawTensor("w", 1, [2], new Uint8Array(7)), "bad-model", /"w".*needs 8 bytes, found 7/],
    ["there are no values", { name: "w", dataType: 1, dims: [2] }, "bad-model", /needs 8 bytes, found 0/],
    [
      "a list is too short",
      { name: "w", dataType: 1, dims: [2], floatData: [1] },
      "bad-model",
      /needs 8 bytes, found 4/,
    ],
    [
      "a list is too long",
      { name: "w", dataType: 7, dims: [1], int64Data: [1, 2] },
      "bad-model",
      /needs 8 bytes, found 16/,
    ],
    ["a list has another type", { name: "w", dataType: 1, dims: [2], int64Data: [1, 2] }, "bad-model", /needs 8 bytes/],
    ["the shape is huge", { name: "w", dataType: 1, dims: [2 ** 45], floatData: [1] }, "bad-model", /found 4/],
    [
      "it holds strings",
      { name: "w", dataType: 8, dims: [1], stringData: [Uint8Array.of(65)] },
      "unsupported",
      /strings/,
    ],
  ])("refuses where %s", async (_, tensor, code, message) => {
    await expect(read(tensor)).rejects.toMatchObject({
      name: "PruneError",
      code,
      message: expect.stringMatching(message),
    });
  });
});
