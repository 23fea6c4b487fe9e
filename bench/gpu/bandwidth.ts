/** What a GPU's memory can do: a kernel that copies a buffer, timed like the kernels it is compared with. */
import { PassTimer } from "../../src/compute/webgpu/pass-timer.js";

const BYTES = 64 << 20;
const REPETITIONS = 5;
const THREADS = 256;

const COPY = `@group(0) @binding(0) var<storage, read> source: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> copied: array<vec4<u32>>;

@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) at: vec3<u32>) {
  let k = at.y * 64u * 1024u + at.x;
  copied[k] = source[k];
}`;

/** Bytes read and written in a second by the best of a few copies, and by which clock. */
export async function measureBandwidth(device: GPUDevice): Promise<{ bytesPerSecond: number; clock: string }> {
  const buffers = [0, 1].map(() => device.createBuffer({ size: BYTES, usage: GPUBufferUsage.STORAGE }));
  const module = device.createShaderModule({ code: COPY });
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module } });
  const layout = pipeline.getBindGroupLayout(0);
  const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
  const group = device.createBindGroup({ layout, entries });
  let [best, clock] = [Number.POSITIVE_INFINITY, "the GPU's clock"];
  for (let repetition = 0; repetition < REPETITIONS; repetition++) {
    const timer = PassTimer.on(device);
    const timestampWrites = timer?.next();
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass(timestampWrites === undefined ? {} : { timestampWrites });
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(BYTES / 16 / THREADS / 64, 64);
    pass.end();
    const start = performance.now();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    const wall = (performance.now() - start) / 1000;
    const own = await timer?.seconds();
    if (own == null) clock = "wall clock";
    best = Math.min(best, own ?? wall);
  }
  for (const buffer of buffers) buffer.destroy();
  return { bytesPerSecond: (2 * BYTES) / best, clock };
}
