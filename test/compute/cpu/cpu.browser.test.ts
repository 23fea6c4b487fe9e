/** The CPU device on Web Workers: the suite of all devices, in a page, and what is different in one. */
import { afterAll, describe, expect, it } from "vitest";
import { createCpuDevice } from "../../../src/compute/cpu/index.js";
import type { MaskJob } from "../../../src/compute/device.js";
import { describeDevice } from "../conformance.js";
import { plainJob } from "./plain-job.js";
import WORKER from "./worker-of-a-page.ts?bundled";

describeDevice("cpu in a page", async () => createCpuDevice({ threads: 2 }));

const scriptOf = (text: string) => new URL(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));

describe("createCpuDevice in a page", () => {
  const device = createCpuDevice();
  afterAll(() => device.close());

  it("has a thread for every core, but at most 8", () => {
    expect(device.concurrency).toBe(Math.min(navigator.hardwareConcurrency, 8));
  });

  it("works the same in a worker of the page, from which it starts its own", async () => {
    const worker = new Worker(scriptOf(WORKER));
    const answer = await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = reject;
    });
    worker.terminate();
    expect(answer).toEqual(await device.computeMask(plainJob()));
  });

  it("says that a page opens no path", async () => {
    const bytes = { kind: "file", path: "weights.bin", byteOffset: 0, byteLength: 64 * 4 } as const;
    const job: MaskJob = { ...plainJob(), bytes };
    await expect(device.computeMask(job)).rejects.toMatchObject({
      code: "bad-external-data",
      message: expect.stringMatching(/weights\.bin is a path/),
    });
  });

  it("turns the death of a worker into a device error, and drops it", async () => {
    const workerUrl = scriptOf("onmessage = () => { throw new Error('no memory left') }");
    const dying = createCpuDevice({ threads: 1, workerUrl });
    for (let time = 0; time < 2; time++)
      await expect(dying.computeMask(plainJob())).rejects.toMatchObject({
        code: "device",
        message: expect.stringMatching(/plain.*no memory left/),
      });
    await dying.close();
    await expect(dying.computeMask(plainJob())).rejects.toThrow("closed");
  });

  it("leaves nobody waiting when it is closed", async () => {
    const silent = createCpuDevice({ threads: 1, workerUrl: scriptOf("onmessage = () => {}") });
    const outcomes = Promise.allSettled([silent.computeMask(plainJob()), silent.computeMask(plainJob())]);
    await new Promise((resolve) => setTimeout(resolve, 100)); // Until the first is with its worker.
    await silent.close();
    for (const outcome of await outcomes)
      expect(outcome).toMatchObject({
        reason: { code: "device", message: expect.stringMatching(/the pool was closed/) },
      });
  });
});
