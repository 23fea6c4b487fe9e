/**
 * The text of generated shaders, a few that stand for all: a change of it is seen in review. They are read by
 * people, too. No GPU is needed; that they compile and compute is for *.gpu.test.ts.
 */
import { describe, expect, it } from "vitest";
import { keepKernel, packKernel } from "../../../src/compute/webgpu/kernels/keep.js";
import type { Kernel } from "../../../src/compute/webgpu/kernels/kernel.js";
import { countKernel, shareKernel } from "../../../src/compute/webgpu/kernels/rank-matrix.js";
import { rankRowsKernel } from "../../../src/compute/webgpu/kernels/rank-rows.js";
import { scoreKernel } from "../../../src/compute/webgpu/kernels/score.js";
import { sumsKernel, termsKernel } from "../../../src/compute/webgpu/kernels/sums.js";
import type { WeightForm } from "../../../src/compute/webgpu/kernels/weight.js";

const float32: WeightForm = { order: "in-out", stored: { kind: "float", dtype: "float32" }, shifted: false };
const float16: WeightForm = { order: "out-in", stored: { kind: "float", dtype: "float16" }, shifted: false };
const q4: WeightForm = {
  order: "out-in",
  stored: { kind: "affine", bits: 4, signed: false, rows: "each", columns: 32 },
  shifted: false,
};

const SHADERS: Readonly<Record<string, Kernel>> = {
  "sums-float16": sumsKernel(float16),
  terms: termsKernel(),
  "score-2-of-4-window-31": scoreKernel({
    weight: float32,
    size: 31,
    strip: 64,
    batch: 8,
    group: { keep: 2, size: 4 },
  }),
  "score-8-of-16-extreme": scoreKernel({
    weight: { ...float32, shifted: true },
    ...{ size: null, strip: 64, batch: 32, group: { keep: 8, size: 16 } },
  }),
  "score-keys-q4": scoreKernel({ weight: q4, size: null, strip: 64, batch: 32, group: null }),
  "rank-rows": rankRowsKernel(),
  "rank-matrix-count": countKernel(20),
  "rank-matrix-share": shareKernel(),
  "keep-row": keepKernel("slice"),
  "pack-in-out": packKernel("in-out"),
};

describe("the shader", () => {
  it.each(Object.entries(SHADERS))("%s reads as it did", async (name, { source }) => {
    await expect(source).toMatchFileSnapshot(`shaders/${name}.wgsl`);
  });

  it("has no more storage buffers than every WebGPU device binds", () => {
    for (const { bindings } of Object.values(SHADERS)) expect(bindings.length).toBeLessThanOrEqual(8);
  });
});
