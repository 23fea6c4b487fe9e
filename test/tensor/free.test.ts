import { describe, expect, it } from "vitest";
import { free } from "../../src/tensor/free.js";

describe("freed arrays", () => {
  it("are empty at once, and so are others in their buffer", () => {
    const values = new Float32Array(1000);
    const beside = values.subarray(10);
    const others = new Uint8Array(10);
    free(values, others);
    expect([values, beside, others].map(({ length }) => length)).toEqual([0, 0, 0]);
  });

  it("may be empty already", () => {
    const values = new Float64Array(10);
    free(values);
    expect(() => free(values, new Float32Array(0))).not.toThrow();
  });

  it("take no memory, whether the collector comes by or not", () => {
    const before = process.memoryUsage().arrayBuffers;
    for (let k = 0; k < 1000; k++) free(new Float32Array(2 ** 20));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 22);
  });
});
