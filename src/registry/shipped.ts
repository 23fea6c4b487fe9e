/**
 * Records that come with the package: tuned by its authors with `transformers-prune tune`, on the
 * models and texts that each record names. docs/pho.md has the measurements.
 */
import type { CoefficientRecord } from "./record.js";

export const SHIPPED: readonly CoefficientRecord[] = [
  {
    method: "crepe",
    pattern: "2:4",
    coefficients: {
      all: { row: 0.0296, column: 0.7332, window: 0.2372, size: 63, power: 0.9077, shape: 0.4108 },
      byKind: {
        q: { row: 0.0296, column: 0.7332, window: 0.2372, size: 63, power: 0.9077, shape: 0.4108 },
        k: { row: 0.1187, column: 0.8628, window: 0.0185, size: 53, power: 0.7699, shape: 0.5252 },
        v: { row: 0.0663, column: 0.7619, window: 0.1718, size: 63, power: 0.6473, shape: 0.8725 },
        o: { row: 0.0045, column: 0.7261, window: 0.2694, size: 63, power: 0.6115, shape: 0.8126 },
        gate: { row: 0.3045, column: 0.6432, window: 0.0523, size: 63, power: 0.721, shape: 0.8472 },
        up: { row: 0.0027, column: 0.9008, window: 0.0965, size: 63, power: 0.3877, shape: 0.6351 },
        down: { row: 0.0002, column: 0.9085, window: 0.0913, size: 51, power: 0.8061, shape: 0.6806 },
      },
    },
    passes: 1,
    family: "llama/512",
    model: {
      name: "HuggingFaceTB/SmolLM2-135M-Instruct",
      fingerprint: "16524cc52e0d9c2d976a0c92bb3e40fd0e32d9ac204b1a8eca2761d25b89d568",
      dtype: "fp32",
    },
    objective: "kl",
    text: {
      calibration: "32 samples of 512 tokens of WikiText-2, validation",
      evaluation: {
        name: "WikiText-2, validation, from byte 400,001",
        sha256: "c4eb7fe368048eb6cbe20fcd8052955cb689a076c8bd29d660afbe432714c776",
        windows: 16,
        length: 512,
      },
    },
    perplexity: { dense: 24.36, ria: 125.005, wanda: 130.858, tuned: 107.367 },
    evaluations: 220,
    seconds: 560,
    seed: 0,
    date: "2026-11-22T10:13:30.990Z",
    version: "0.1.0",
  },
  {
    method: "crepe",
    pattern: "4:8",
    coefficients: { all: { row: 0.7383, column: 0.0381, window: 0.2236, size: 11, power: 1.4916, shape: 0.7196 } },
    passes: 1,
    family: "llama/512",
    model: {
      name: "HuggingFaceTB/SmolLM2-135M-Instruct",
      fingerprint: "16524cc52e0d9c2d976a0c92bb3e40fd0e32d9ac204b1a8eca2761d25b89d568",
      dtype: "fp32",
    },
    objective: "kl",
    text: {
      calibration: "32 samples of 512 tokens of WikiText-2, validation",
      evaluation: {
        name: "WikiText-2, validation, from byte 400,001",
        sha256: "c4eb7fe368048eb6cbe20fcd8052955cb689a076c8bd29d660afbe432714c776",
        windows: 16,
        length: 512,
      },
    },
    perplexity: { dense: 24.36, ria: 77.033, wanda: 67.204, tuned: 63.929 },
    evaluations: 50,
    seconds: 165,
    seed: 0,
    date: "2026-11-22T10:23:36.842Z",
    version: "0.1.0",
  },
  {
    method: "crepe",
    pattern: "50% by row",
    coefficients: { all: { row: 0.0108, column: 0.3201, window: 0.6691, size: 55, power: 0.8091, shape: 0.0004 } },
    passes: 1,
    family: "llama/512",
    model: {
      name: "HuggingFaceTB/SmolLM2-135M-Instruct",
      fingerprint: "16524cc52e0d9c2d976a0c92bb3e40fd0e32d9ac204b1a8eca2761d25b89d568",
      dtype: "fp32",
    },
    objective: "kl",
    text: {
      calibration: "32 samples of 512 tokens of WikiText-2, validation",
      evaluation: {
        name: "WikiText-2, validation, from byte 400,001",
        sha256: "c4eb7fe368048eb6cbe20fcd8052955cb689a076c8bd29d660afbe432714c776",
        windows: 16,
        length: 512,
      },
    },
    perplexity: { dense: 24.36, ria: 44.335, wanda: 43.809, tuned: 41.794 },
    evaluations: 80,
    seconds: 1170,
    seed: 0,
    date: "2026-11-22T10:19:53.670Z",
    version: "0.1.0",
  },
  {
    method: "crepe",
    pattern: "60% by row",
    coefficients: { all: { row: 0.0881, column: 0.0414, window: 0.8705, size: 63, power: 1.287, shape: 0.2532 } },
    passes: 1,
    family: "llama/512",
    model: {
      name: "HuggingFaceTB/SmolLM2-135M-Instruct",
      fingerprint: "16524cc52e0d9c2d976a0c92bb3e40fd0e32d9ac204b1a8eca2761d25b89d568",
      dtype: "fp32",
    },
    objective: "kl",
    text: {
      calibration: "32 samples of 512 tokens of WikiText-2, validation",
      evaluation: {
        name: "WikiText-2, validation, from byte 400,001",
        sha256: "c4eb7fe368048eb6cbe20fcd8052955cb689a076c8bd29d660afbe432714c776",
        windows: 16,
        length: 512,
      },
    },
    perplexity: { dense: 24.36, ria: 115.23, wanda: 88.856, tuned: 83.412 },
    evaluations: 50,
    seconds: 171,
    seed: 0,
    date: "2026-11-22T10:27:22.853Z",
    version: "0.1.0",
  },
];
