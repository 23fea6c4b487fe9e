/**
 * Masks on the GPU: kernel time, the memory traffic that the code counts, and its share of the bandwidth that
 * a copy reaches on the same GPU in the same run; against the CPU device and against PyTorch on the same
 * machine, in turns. Weights are random float32 numbers, [in, out]. The GPU's time is its own clock's where that
 * can be read, else that of the whole job; "job" is the time with upload and download, bytes in memory.
 *
 *   node bench/run.mjs gpu [--repetitions 5] [--shapes 576x1536,2048x8192]     PYTHON=python3 with torch; GPU=hardware
 *
 * `gpu-agree` holds the masks of both devices against each other on a real model.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createCpuDevice } from "../src/compute/cpu/index.js";
import type { Device, MaskJob } from "../src/compute/index.js";
import type { JobFigures } from "../src/compute/webgpu/index.js";
import { createWebGpuDevice } from "../src/compute/webgpu/index.js";
import type { Pattern } from "../src/pattern/index.js";
import { channelFactor, type MethodName, methodOf } from "../src/score/index.js";
import type { Shape } from "../src/tensor/matrix.js";
import { median } from "./figures/median.js";
import { measureBandwidth } from "./gpu/bandwidth.js";
import { openGpu } from "./gpu/open-gpu.js";
import { startTorch } from "./gpu/torch.js";

const CREPE = { row: 0.35, column: 0.35, window: 0.3, size: 31, power: 0.5, shape: 0 };
const METHODS_TIMED: readonly MethodName[] = ["magnitude", "wanda", "ria", "crepe"];
const PATTERNS: readonly [name: string, pattern: Pattern][] = [
  ["50% by row", { kind: "unstructured", sparsity: 0.5, scope: "row" }],
  ["50% by matrix", { kind: "unstructured", sparsity: 0.5, scope: "matrix" }],
  ["2:4", { kind: "n:m", keep: 2, of: 4, permute: false }],
  ["4:8", { kind: "n:m", keep: 4, of: 8, permute: false }],
];

const { values: flags } = parseArgs({
  options: {
    repetitions: { type: "string", default: "5" },
    shapes: { type: "string", default: "576x1536,2048x8192" },
  },
});
const threads = Math.min(availableParallelism(), 8);
const shapes = flags.shapes.split(",").map((text): Shape => {
  const [out, channels] = text.split("x").map(Number) as [number, number];
  return { out, in: channels };
});

/** Normal numbers, [in, out], and norms of the input channels. */
function inventWeight(shape: Shape): { weight: Float32Array; norms: Float64Array } {
  const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
  return {
    weight: Float32Array.from({ length: shape.out * shape.in }, () => 0.05 * normal()),
    norms: Float64Array.from({ length: shape.in }, () => Math.random() + 0.1),
  };
}

const seconds = async (act: () => Promise<unknown>): Promise<number> => {
  const start = performance.now();
  await act();
  return (performance.now() - start) / 1000;
};

const milliseconds = (value: number) => (1000 * value).toFixed(value < 0.1 ? 2 : 0);

let figures: JobFigures | undefined;
const gpu = await openGpu();
const bandwidth = await measureBandwidth(gpu.device);
const devices = {
  cpu: createCpuDevice({ threads }),
  webgpu: createWebGpuDevice({
    acquire: async () => gpu,
    onFigures: (_, own) => {
      figures = own;
    },
  }),
} satisfies Record<string, Device>;
console.log(
  `GPU: ${gpu.description}; a copy moves ${(bandwidth.bytesPerSecond / 1e9).toFixed(1)} GB/s (${bandwidth.clock})`,
);
const folder = mkdtempSync(join(tmpdir(), "bench-gpu-"));
try {
  for (const shape of shapes) {
    const { weight, norms } = inventWeight(shape);
    const path = join(folder, "weight.bin");
    writeFileSync(path, weight);
    const torch = await startTorch(folder, { path, shape, norms, crepe: CREPE, threads });
    console.log(
      `\n${shape.out} × ${shape.in}, milliseconds (median); CPU and PyTorch ${torch.version} on ${threads} threads`,
    );
    const head = ["method", "pattern", "GPU kernels", "reads", "writes", "bytes/weight", "of bandwidth", "GPU job"];
    console.log([...head, "cpu job", "PyTorch", "kernels : PyTorch"].join("\t"));
    for (const method of METHODS_TIMED)
      for (const [name, pattern] of PATTERNS) {
        const terms = methodOf(method).terms(CREPE, shape);
        const squares = norms.map((norm) => norm * norm);
        const job: MaskJob = {
          label: "weight",
          bytes: { kind: "memory", read: async () => new Uint8Array(weight.buffer) },
          ...{ dtype: "float32", shape, order: "in-out", terms, pattern },
          channelFactor: channelFactor(terms, shape.in, { tokens: 1, sum: squares, sumOfSquares: squares }, "weight"),
        };
        const times = { kernels: [] as number[], webgpu: [] as number[], cpu: [] as number[], torch: [] as number[] };
        // The first of each compiles kernels and grows memory.
        for (let repetition = -1; repetition < Number(flags.repetitions); repetition++) {
          const own = {
            webgpu: await seconds(() => devices.webgpu.computeMask(job)),
            cpu: await seconds(() => devices.cpu.computeMask(job)),
            torch: await torch.time(method, pattern),
          };
          if (repetition < 0) continue;
          for (const by of ["webgpu", "cpu", "torch"] as const) times[by].push(own[by]);
          times.kernels.push(figures?.kernelSeconds ?? own.webgpu);
        }
        const { traffic } = figures as JobFigures;
        const kernels = median(times.kernels);
        const share = traffic.bytes / kernels / bandwidth.bytesPerSecond;
        const bytes = (traffic.bytes / (shape.out * shape.in)).toFixed(1);
        const cells = [method, name, milliseconds(kernels), traffic.readsPerWeight.toFixed(2), traffic.writesPerWeight];
        const rest = [
          bytes,
          `${(100 * share).toFixed(0)}%`,
          ...[times.webgpu, times.cpu, times.torch].map(median).map(milliseconds),
        ];
        console.log([...cells, ...rest, `${(median(times.torch) / kernels).toFixed(1)}x`].join("\t"));
      }
    torch.end();
  }
} finally {
  for (const device of Object.values(devices)) await device.close();
  rmSync(folder, { recursive: true });
}
process.exit(0);
