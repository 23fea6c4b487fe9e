import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeFloats } from "../../src/tensor/encode-floats.js";
import { floatsOf, halfValues } from "../../src/tensor/half.js";
import { toBfloat16Bits, toFloat16Bits } from "../helpers/model.js";

describe("stored floats", () => {
  it.each(["float16", "bfloat16"] as const)("give every finite %s back as it was", (dtype) => {
    const finite = Array.from({ length: 65536 }, (_, bits) => bits).filter((bits) =>
      Number.isFinite(halfValues(dtype)[bits]),
    );
    const bytes = encodeFloats(
      Float32Array.from(finite, (bits) => halfValues(dtype)[bits] as number),
      dtype,
    );
    expect(new Uint16Array(bytes.buffer)).toEqual(Uint16Array.from(finite));
  });

  it.each([
    ["float16", toFloat16Bits, 65519],
    ["bfloat16", toBfloat16Bits, 3.38e38],
  ] as const)("are rounded to the nearest %s, ties to even", (dtype, reference, largest) => {
    const number = fc.oneof(
      fc.float({ noNaN: true, noDefaultInfinity: true }).filter((one) => Math.abs(one) <= largest),
      fc.float({ min: -2, max: 2, noNaN: true }),
      // Half way between two neighbours, subnormal ones too.
      fc.integer({ min: 1, max: 4000 }).map((k) => k * 2 ** -25),
      fc.integer({ min: 2048, max: 4000 }).map((k) => k / 2048 + 0.5 / 1024),
    );
    fc.assert(
      fc.property(fc.array(number, { maxLength: 20 }), (numbers) => {
        const values = Float32Array.from(numbers);
        const bytes = encodeFloats(values, dtype);
        expect([...new Uint16Array(bytes.buffer)]).toEqual(Array.from(values, reference));
      }),
    );
  });

  it("beyond the range of their type become its largest value, not Inf", () => {
    const values = Float32Array.of(1e30, -70000, 65520, 65519);
    expect([...floatsOf(encodeFloats(values, "float16"), "float16")]).toEqual([65504, -65504, 65504, 65504]);
    const largest = 2 ** 127 * (2 - 2 ** -7);
    const beyond = Float32Array.of(3.4e38, Number.NEGATIVE_INFINITY);
    expect([...floatsOf(encodeFloats(beyond, "bfloat16"), "bfloat16")]).toEqual([largest, -largest]);
  });
});
