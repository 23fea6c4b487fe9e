/** Updates that are stopped and go on: what is finished is taken from where it was put aside, and nothing else. */
import { readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { ProgressEvent } from "../../src/progress.js";
import { reportOf } from "../../src/prune/index.js";
import { updateLayer } from "../../src/prune/update-layer.js";
import { unfinishedInFolder } from "../../src/store/folders.js";
import { LLAMA, LLAMA_TOKENS, llamaFile, type Pruned, pruned, runtime, written } from "./updating.js";

vi.mock("../../src/prune/update-layer.js", { spy: true });

let file: Uint8Array;
let folder: string;
beforeAll(async () => {
  file = await llamaFile();
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "unfinished-"));
  vi.mocked(updateLayer).mockClear();
});
afterEach(async () => {
  await rm(folder, { recursive: true });
  expect(runtime.openSessions()).toBe(0);
});

const BEST = { preset: "best", pattern: "2:4", calibration: { tokens: LLAMA_TOKENS } };
/** Activations that are updated one after the other: q,k,v; o; gate,up; down. */
const GROUPS = 4 * LLAMA.layers;

/** Layers that were updated since the last look, each by its first weight. */
function updatedLayers(): string[] {
  const names = vi.mocked(updateLayer).mock.calls.map(([, { targets }]) => targets[0]?.name as string);
  vi.mocked(updateLayer).mockClear();
  return names;
}

/** A prune as a new process does it: nothing is shared with others but the folder. */
const pruneIn = (
  options: Readonly<Record<string, unknown>> = BEST,
  onProgress: (event: ProgressEvent) => void = () => {},
) => pruned({ input: file, options, unfinished: unfinishedInFolder(folder), onProgress });

/** What a prune comes to: bytes, and the report but for its seconds and in how many parts it was run. */
async function outcomeOf(done: Pruned) {
  const { plan, masked, ...facts } = done;
  const {
    seconds: _,
    calibration: __,
    ...report
  } = reportOf(plan, masked, { ...facts, zerosOf: new Map(), bytes: 0, seconds: 0 });
  const bytes = Buffer.from(await written(done));
  await plan.model.onnx.close();
  return { bytes, report };
}

/** Stops a prune when so many weights are done. */
async function stopAfter(weights: number, options: Readonly<Record<string, unknown>> = BEST): Promise<void> {
  const controller = new AbortController();
  const onProgress = ({ phase, done }: ProgressEvent) => {
    if (phase === "update" && done === weights) controller.abort(new Error("enough"));
  };
  await expect(pruneIn({ ...options, signal: controller.signal }, onProgress)).rejects.toThrow("enough");
  expect(runtime.openSessions()).toBe(0);
}

describe("a prune that moves weights", () => {
  it("hears of every weight, in the order in which they are updated, and never of a lower share of the whole", async () => {
    const events: ProgressEvent[] = [];
    const done = await pruneIn(BEST, (event) => events.push(event));
    const weights = events.filter(({ phase }) => phase === "update");
    expect(new Set(weights.map(({ item }) => item))).toEqual(new Set(done.plan.targets.map(({ name }) => name)));
    expect(weights.map(({ done: count, total }) => [count, total])).toEqual(
      done.plan.targets.map((_, k) => [k + 1, done.plan.targets.length]),
    );
    const percents = events.map(({ percent }) => percent);
    expect(percents).toEqual([...percents].sort((a, b) => a - b));
    expect(percents.at(-1)).toBeLessThan(100);
    await done.plan.model.onnx.close();
  });

  it.each([
    ["layer after layer", BEST, 5, 2],
    [
      "in groups of blocks, with norms and biases",
      { ...BEST, sequential: { groups: 2 }, repair: ["norm", "bias"] },
      10,
      4,
    ],
  ])(
    "%s, goes on behind the last group that was finished and comes to the same",
    async (_, options, weights, layers) => {
      const whole = await outcomeOf(await pruneIn(options));
      await rm(folder, { recursive: true });
      const all = updatedLayers();

      await stopAfter(weights, options);
      updatedLayers();
      const events: ProgressEvent[] = [];
      const resumed = await outcomeOf(await pruneIn(options, (event) => events.push(event)));
      expect(updatedLayers()).toEqual(all.slice(layers));
      expect(resumed.bytes.equals(whole.bytes)).toBe(true);
      expect(resumed.report).toEqual(whole.report);
      const percents = events.map(({ percent }) => percent);
      expect(percents).toEqual([...percents].sort((a, b) => a - b));

      // All of it is there now: a third process updates nothing and runs nothing.
      const again = await outcomeOf(await pruneIn(options));
      expect(updatedLayers()).toEqual([]);
      expect(again.bytes.equals(whole.bytes)).toBe(true);
    },
  );

  it("that is stopped again and again comes to the same", async () => {
    const whole = await outcomeOf(await pruneIn());
    await rm(folder, { recursive: true });
    for (const weights of [2, 4, 9, 12]) await stopAfter(weights);
    updatedLayers();
    const resumed = await outcomeOf(await pruneIn());
    expect(updatedLayers().length).toBeLessThan(GROUPS);
    expect(resumed.bytes.equals(whole.bytes)).toBe(true);
  });

  it.each<[string, (path: string) => void]>([
    ["ends too early", (path) => truncateSync(path, 1000)],
    ["is empty", (path) => writeFileSync(path, "")],
    ["is something else", (path) => writeFileSync(path, Buffer.alloc(readFileSync(path).length, 7))],
    [
      "has one byte that is another",
      (path) => {
        const bytes = readFileSync(path);
        bytes[bytes.length - 100] = (bytes[bytes.length - 100] as number) ^ 1;
        writeFileSync(path, bytes);
      },
    ],
  ])("does not take what was put aside where it %s", async (_, damage) => {
    const whole = await outcomeOf(await pruneIn());
    const all = updatedLayers();
    const parts = readdirSync(folder).sort();
    expect(parts).toHaveLength(GROUPS);
    damage(join(folder, parts[2] as string));
    const again = await outcomeOf(await pruneIn());
    expect(updatedLayers()).toEqual(all.slice(2));
    expect(again.bytes.equals(whole.bytes)).toBe(true);
  });

  it("does not take a group of other weights for its own", async () => {
    await stopAfter(6, { ...BEST, exclude: "layers.0.attn.q_proj" });
    updatedLayers();
    await outcomeOf(await pruneIn());
    expect(updatedLayers()).toHaveLength(GROUPS);
  });
});
