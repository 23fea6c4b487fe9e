/**
 * The WebGPU device under the conformance suite: as the adapter is, in slices of a few output rows, and with as
 * little workgroup memory as a WebGPU device may have. Every test fails on anything that the GPU has against us.
 */
import { describe } from "vitest";
import { describeDevice } from "../conformance.js";
import { watchedDevice } from "./watched-gpu.js";

describe("with the adapter's own limits", () =>
  describeDevice("webgpu", () => watchedDevice(), { refusesPermuted: true }));

describe("in slices of 48 output rows", () =>
  describeDevice("webgpu", () => watchedDevice({ limits: { sliceRows: 48 } }), { refusesPermuted: true, runs: 60 }));

describe("with 16 kB of workgroup memory", () =>
  describeDevice("webgpu", () => watchedDevice({ limits: { maxComputeWorkgroupStorageSize: 16384 } }), {
    refusesPermuted: true,
    runs: 60,
  }));
