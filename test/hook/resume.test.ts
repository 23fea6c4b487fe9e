import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { FeatureExtractionPipeline } from "@huggingface/transformers";
import { expect, test } from "vitest";
import { pruneModel } from "../../src/index.js";
import { AUSTEN, BERT, openFiles, openSessions, SHORT, temporaryFolder } from "./loading.js";

/** A prune into a folder: its file and the weights that it updated, one after the other; stopped at one of them if wanted. */
async function pruneIn(model: string, how: object, place: string, stopAt = Number.POSITIVE_INFINITY) {
  const controller = new AbortController();
  const out = join(place, "pruned");
  const updated: string[] = [];
  const pruning = pruneModel(model, {
    ...{ dtype: "fp32", out, cache_dir: place, ...how },
    onProgress: ({ phase, item }) => {
      if (phase !== "update" || item === undefined) return;
      updated.push(item);
      if (updated.length === stopAt) controller.abort(new Error("enough"));
    },
    signal: controller.signal,
  } as Parameters<typeof pruneModel>[1]);
  if (stopAt === Number.POSITIVE_INFINITY) await pruning;
  else await expect(pruning).rejects.toThrow("enough");
  expect([openFiles(), openSessions()]).toEqual([[], []]);
  return { updated, file: stopAt === Number.POSITIVE_INFINITY ? readFileSync(join(out, "onnx/model.onnx")) : null };
}

const unfinishedIn = (cache: string): string[] =>
  readdirSync(cache, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".unfinished"));

test.each([
  ["samples", AUSTEN],
  ["runs of the whole model", BERT],
])("a model that was stopped while it was pruned by %s goes on behind its finished layers", async (how, model) => {
  let runs = 0;
  const run = async (embed: FeatureExtractionPipeline) => {
    runs++;
    await embed(["It is a truth universally acknowledged.", "A fine morning."]);
  };
  const prune = (calibration: object) => ({
    prune: { sparsity: 0.5, method: "sparsegpt", sequential: { groups: 2 }, target: "weights", calibration },
  });
  const options =
    how === "samples" ? prune(SHORT) : { ...prune({ run, id: "two sentences" }), task: "feature-extraction" };
  const whole = await pruneIn(model, options, temporaryFolder());
  const runsOfWhole = runs;
  const stoppedIn = temporaryFolder();
  // The last weight belongs to the second group.
  await pruneIn(model, options, stoppedIn, whole.updated.length);
  expect(unfinishedIn(stoppedIn)).toHaveLength(1);
  runs = 0;
  const resumed = await pruneIn(model, options, stoppedIn);
  expect(resumed.file?.equals(whole.file as Buffer)).toBe(true);
  expect(unfinishedIn(stoppedIn)).toEqual([]);
  if (how !== "samples") expect(runs).toBeLessThan(runsOfWhole);
});
