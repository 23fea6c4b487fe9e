import { expect, it } from "vitest";
import { free } from "../../src/tensor/free.js";

it("freed arrays are empty at once in a page, at first and later", async () => {
  for (let round = 0; round < 3; round++) {
    const [values, others] = [new Float32Array(2 ** 20), new Float64Array(10)];
    free(values, others);
    expect([values.length, others.length]).toEqual([0, 0]);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});
