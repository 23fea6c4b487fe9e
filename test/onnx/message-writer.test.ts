/** The writer of messages, held to protobufjs. */
import fc from "fast-check";
import { Writer } from "protobufjs/minimal.js";
import { expect, it } from "vitest";
import { MessageWriter } from "../../src/onnx/message-writer.js";

const field = fc.integer({ min: 1, max: 2 ** 29 - 1 });
const edges = [0, 1, 127, 128, 2 ** 31, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER].flatMap((n) => [n, -n]);
const steps = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant("integer" as const),
      field,
      value: fc.oneof(fc.maxSafeInteger(), fc.constantFrom(...edges)),
    }),
    fc.record({ kind: fc.constant("float" as const), field, value: fc.float() }),
    fc.record({
      kind: fc.constant("content" as const),
      field,
      value: fc.oneof(fc.string({ unit: "grapheme" }), fc.uint8Array({ maxLength: 300 })),
    }),
    fc.record({ kind: fc.constant("header" as const), field, value: fc.maxSafeInteger().map(Math.abs) }),
  ),
);

it("writes any fields as protobufjs does", () => {
  fc.assert(
    fc.property(steps, (fields) => {
      const ours = new MessageWriter();
      const theirs = Writer.create();
      for (const { kind, field, value } of fields) {
        if (kind === "integer") theirs.uint32(field * 8 + 0).int64(value);
        if (kind === "float") theirs.uint32(field * 8 + 5).float(value);
        if (kind === "header") theirs.uint32(field * 8 + 2).uint64(value);
        if (kind === "content" && typeof value === "string") theirs.uint32(field * 8 + 2).string(value);
        else if (kind === "content") theirs.uint32(field * 8 + 2).bytes(value);
        if (kind === "content") ours.content(field, value);
        else ours[kind](field, value);
      }
      expect([...ours.finish()]).toEqual([...theirs.finish()]);
    }),
    { seed: 1, numRuns: 500 },
  );
});
