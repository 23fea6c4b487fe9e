import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PruneError } from "../../src/errors.js";
import { decodeModel } from "../../src/onnx/decode.js";
import { DecodeContext } from "../../src/onnx/decode-context.js";
import { ExternalFiles } from "../../src/onnx/external-files.js";
import { openModel, readTensor } from "../../src/onnx/index.js";
import { scan } from "../../src/onnx/scan.js";
import { memorySource } from "../../src/onnx/sources.js";
import { constant, float32, ifNode, int64, modelBytes, node, value } from "../helpers/model.js";
import { modelSpec } from "./arbitrary-model.js";
import { concat, delimited, scalar, topFields, varint } from "./wire-bytes.js";

/** Opens bytes both ways: whole in memory, and scanned as a file would be. */
async function openBoth(bytes: Uint8Array): Promise<void> {
  const outcomes = await Promise.allSettled([openModel(bytes), openModel(new Blob([new Uint8Array(bytes)]))]);
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}

async function expectBadModel(bytes: Uint8Array, message: RegExp): Promise<void> {
  for (const input of [bytes, new Blob([new Uint8Array(bytes)])]) {
    const error = await openModel(input).then(
      () => expect.fail("was opened"),
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(PruneError);
    expect(error).toMatchObject({ code: "bad-model", message: expect.stringMatching(message) });
  }
}

/** Opens what may be damaged: any failure must be a `PruneError`. Returns whether it opened. */
async function opensOrRefuses(bytes: Uint8Array): Promise<boolean> {
  try {
    await openBoth(bytes);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(PruneError);
    return false;
  }
}

const SMALL_MODEL = modelBytes({
  inputs: [value("x", ["n", 2])],
  nodes: [node("MatMul", ["x", "w"], ["y"], { axis: 300 }), constant(int64("k", [1], [1], "typed"))],
  initializers: [float32("w", [2, 2], [1, 2, 3, 4])],
});
/** Longer than the scanner reads whole, with payloads that it jumps over. */
const LARGE_MODEL = modelBytes({
  nodes: [ifNode("c", ["o"], { initializers: [float32("a", [2000], new Float32Array(2000), "typed")] }, {})],
  initializers: [float32("w", [3000], new Float32Array(3000))],
});

describe("a damaged file", () => {
  it("is refused or read at every place where it may be cut", async () => {
    const graph = topFields(SMALL_MODEL).find((field) => field.number === 7);
    for (let length = 0; length < SMALL_MODEL.length; length++) {
      const isWhole = await opensOrRefuses(SMALL_MODEL.subarray(0, length));
      if (graph !== undefined && length < graph.end) expect(isWhole).toBe(false);
    }
  });

  it("is refused where it is cut within the graph, payloads included", async () => {
    const end = topFields(LARGE_MODEL).find((field) => field.number === 7)?.end ?? 0;
    const property = fc.asyncProperty(fc.nat(end - 1), async (length) => {
      expect(await opensOrRefuses(LARGE_MODEL.subarray(0, length))).toBe(false);
    });
    await fc.assert(property, { seed: 2, numRuns: 60 });
  });

  it("is refused or read whatever byte is wrong", async () => {
    const property = fc.asyncProperty(
      modelSpec,
      fc.double({ min: 0, max: 0.999 }),
      fc.nat(255),
      async (spec, at, byte) => {
        const bytes = modelBytes(spec);
        bytes[Math.floor(at * bytes.length)] = byte;
        await opensOrRefuses(bytes);
      },
    );
    await fc.assert(property, { seed: 3, numRuns: 200 });
  });
});

describe("a hostile file is refused", () => {
  const graphOf = (...fields: Uint8Array[]) => delimited(7, concat(...fields));

  it("where a length runs past the end of the file or of its message", async () => {
    await expectBadModel(delimited(7, "", 2 ** 40), /field 7 is 1099511627776 bytes long and its message ends after 0/);
    await expectBadModel(concat(graphOf(delimited(1, "", 9)), new Uint8Array(99)), /field 1 is 9 bytes long/);
    await expectBadModel(delimited(7, "", 2n ** 64n - 1n), /bytes long/);
  });

  it("where a number has more than 10 bytes or is cut", async () => {
    await expectBadModel(concat(varint(8), new Uint8Array(10).fill(255), varint(1)), /more than 10 bytes/);
    await expectBadModel(Uint8Array.of(8, 255), /a number runs past the end/);
  });

  it("where it has groups, unknown wire types or field 0", async () => {
    for (const wireType of [3, 4, 6, 7]) await expectBadModel(varint(9 * 8 + wireType), /field has number 9/);
    await expectBadModel(scalar(0, 1), /field has number 0/);
  });

  it("where messages are nested 10,000 deep, short or long", async () => {
    // Within 4 KB a message is read whole, beyond it is walked.
    for (const length of [0, 5000]) {
      await expectBadModel(delimited(7, nested(3334, delimited(2, "n".repeat(length)))), /nested more than 100 deep/);
    }
    await expectBadModel(delimited(7, nested(40, new Uint8Array(0))), /nested more than 100 deep/);
  });

  it("where known fields have other wire types", async () => {
    await expectBadModel(scalar(7, 1), /field 7 is a number; expected text or a message/);
    await expectBadModel(graphOf(delimited(5, delimited(2, "x"))), /field 2 has wire type 2/);
    await expectBadModel(
      graphOf(delimited(5, concat(varint(1 * 8 + 5), new Uint8Array(4)))),
      /field 1 has wire type 5/,
    );
  });

  it("where a name is not UTF-8 or has the length of a payload", async () => {
    await expectBadModel(graphOf(delimited(2, Uint8Array.of(0xff))), /field 2 is not UTF-8 text/);
    await expectBadModel(graphOf(delimited(2, "n".repeat(5000))), /a name takes 5000 bytes/);
  });

  it("where dimensions are negative or beyond 2^53", async () => {
    const tensor = (...dims: (number | bigint)[]) =>
      delimited(5, concat(...dims.map((size) => scalar(1, size)), scalar(2, 1)));
    await expectBadModel(graphOf(tensor(2n ** 64n - 1n)), /has dimensions \[-1\]/);
    await expectBadModel(graphOf(tensor(2n ** 60n)), /has dimensions/);
    const { graph } = await openModel(graphOf(tensor(2 ** 40, 2 ** 40)));
    const huge = graph.initializers[0];
    await expect(huge && readTensor(huge)).rejects.toMatchObject({ code: "bad-model" });
  });

  it("where a tensor has more axes than anything can compute with", async () => {
    const tensor = (axes: number) =>
      delimited(5, concat(...Array.from({ length: axes }, () => scalar(1, 1)), scalar(2, 1)));
    await expectBadModel(graphOf(tensor(65)), /has 65 axes; expected at most 64/);
    await expect(openModel(graphOf(tensor(64)))).resolves.toMatchObject({ graph: { initializers: [{}] } });
  });

  it("before it makes more objects than any model has", async () => {
    const emptyNodes = graphOf(new Uint8Array(8000).map((_, at) => (at % 2 === 0 ? 1 * 8 + 2 : 0)));
    const source = memorySource("hostile", emptyNodes);
    await expect(scan(source, "ModelProto", 1000)).rejects.toThrow(/more than 1000 fields/);
    const { root } = await scan(source, "ModelProto");
    const context = new DecodeContext(new ExternalFiles("hostile", null, []), 1000);
    expect(() => decodeModel(root, context)).toThrow(/more than 1000 nodes/);
  });
});

/** `depth` times graph › node › attribute › graph around a graph. */
function nested(depth: number, graph: Uint8Array): Uint8Array {
  const headers: Uint8Array[] = [];
  let length = graph.length;
  for (let level = 0; level < depth; level++) {
    for (const field of [6, 5, 1]) {
      const header = concat(varint(field * 8 + 2), varint(length));
      headers.push(header);
      length += header.length;
    }
  }
  return concat(...headers.reverse(), graph);
}
