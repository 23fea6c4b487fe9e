/** Loading with `prune` in Node on WebGPU: the host runs the model on its own Dawn, masks are computed on ours. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { pruneModel } from "../../src/hook/index.js";
import type { PruneReport } from "../../src/report.js";
import { AUSTEN } from "./loading.js";

const folder = mkdtempSync(join(tmpdir(), "transformers-prune-gpu-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function pruned(device: string, prune: object): Promise<PruneReport> {
  const out = join(folder, `${device}-${Object.values(prune).join("-").replaceAll(/\W/g, "")}`);
  const { reports } = await pruneModel(AUSTEN, { prune, out, device } as never);
  return reports[0] as PruneReport;
}

it("masks where the model runs, and reports say where and how much stays", async () => {
  const prune = { method: "magnitude", pattern: "2:4" };
  const [gpu, cpu] = [await pruned("webgpu", prune), await pruned("cpu", prune)];
  expect(gpu.device).toMatch(/^webgpu \(.+\)$/);
  expect(gpu.notes).toEqual([]);
  expect(cpu.device).toBe("cpu");
  expect(gpu.zeros).toBe(cpu.zeros);
  for (const [k, { retained }] of gpu.weights.entries()) expect(retained).toBeCloseTo(cpu.weights[k]?.retained ?? 0, 4);
});

it("says which weights the GPU refused, and masks them on the cpu", async () => {
  const report = await pruned("webgpu", { method: "magnitude", pattern: "2:4", permute: true });
  expect(report.device).toBe("cpu");
  expect(report.notes).toEqual([
    expect.stringMatching(/^masks of .*q_proj.* and 39 others were computed on the cpu: chosen groups/),
  ]);
});
