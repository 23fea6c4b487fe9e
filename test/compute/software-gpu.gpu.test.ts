/** The GPU under all other tests of this kind: that it runs WGSL, and counts right. */

import { expect, it } from "vitest";
import { create, globals } from "webgpu";

Object.assign(globalThis, globals);

it("runs a shader on every element of a buffer", async () => {
  const gpu = create([]);
  const device = await (await gpu.requestAdapter())?.requestDevice();
  if (device === undefined) throw new Error("there is no adapter; start these tests by npm run test:gpu");
  const code = `
    @group(0) @binding(0) var<storage, read_write> numbers: array<u32>;
    @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) { numbers[id.x] = id.x * id.x; }`;
  const pipeline = await device.createComputePipelineAsync({
    layout: "auto",
    compute: { module: device.createShaderModule({ code }) },
  });
  const size = 1024 * 4;
  const storage = device.createBuffer({ size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC });
  const readable = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(
    0,
    device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [{ binding: 0, resource: { buffer: storage } }],
    }),
  );
  pass.dispatchWorkgroups(1024 / 64);
  pass.end();
  encoder.copyBufferToBuffer(storage, 0, readable, 0, size);
  device.queue.submit([encoder.finish()]);
  await readable.mapAsync(GPUMapMode.READ);
  expect([...new Uint32Array(readable.getMappedRange())]).toEqual(Array.from({ length: 1024 }, (_, k) => k * k));
  device.destroy();
});
