/** A small job, the same wherever it is made. */
import type { MaskJob } from "../../../src/compute/device.js";
import { methodOf } from "../../../src/score/index.js";

const SHAPE = { out: 8, in: 8 };

/** 2:4 of 8 × 8 floats, by magnitude. */
export function plainJob(): MaskJob {
  const values = Float32Array.from({ length: SHAPE.out * SHAPE.in }, (_, k) => Math.sin(k * k + 1));
  return {
    ...{ label: "plain", dtype: "float32", shape: SHAPE, order: "in-out" },
    bytes: { kind: "memory", read: async () => new Uint8Array(values.buffer) },
    terms: methodOf("magnitude").terms({}, SHAPE),
    channelFactor: new Float32Array(SHAPE.in).fill(1),
    pattern: { kind: "n:m", keep: 2, of: 4, permute: false },
  };
}
