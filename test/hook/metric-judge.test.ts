/**
 * Tuning by a metric of the user's own, the whole way: a model that predicts nothing, judged by how far
 * its embeddings of a few sentences are from the dense model's. Its weights are random, so what wins
 * says nothing; that what was measured is what a user gets is what counts here.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pipeline as hostPipeline } from "@huggingface/transformers";
import { beforeAll, describe, expect, expectTypeOf, test } from "vitest";
import { type PipelineOf, type PruneOptions, pipeline, type TuneMetric, tune } from "../../src/index.js";
import { dottedLabel } from "../../src/options/index.js";
import { plainRecord, readRecord } from "../../src/registry/index.js";
import { AUSTEN, BERT, openFiles, temporaryFolder } from "./loading.js";

const SENTENCES = ["It was a fine morning.", "He said nothing.", "She walked to the village with her sister."];
const calibration = { texts: readFileSync(join(AUSTEN, "calibration.txt"), "utf8"), count: 4, length: 64 };

type Embed = PipelineOf<"feature-extraction">;

const embeddings = async (embed: Embed): Promise<number[][]> =>
  (await embed(SENTENCES, { pooling: "mean", normalize: true })).tolist();

let dense: number[][];
beforeAll(async () => {
  const embed = await hostPipeline("feature-extraction", BERT, { dtype: "fp32" });
  dense = await embeddings(embed);
  await embed.dispose();
});

/** Mean of 1 − cosine; both sides have length 1. */
async function distance(embed: Embed): Promise<number> {
  const pruned = await embeddings(embed);
  const cosines = pruned.map((own, i) => own.reduce((sum, x, k) => sum + x * (dense[i]?.[k] as number), 0));
  return 1 - cosines.reduce((sum, cosine) => sum + cosine, 0) / cosines.length;
}

const METRIC: TuneMetric<"feature-extraction"> = {
  name: "embedding distance",
  task: "feature-extraction",
  measure: distance,
};

const OPTIONS = { dtype: "fp32", calibration, tokens: 64, evaluations: 8, finalists: 2 } as const;

/** What the metric says of a model that a user prunes. */
async function asUsersPrune(prune: PruneOptions): Promise<number> {
  const embed = await pipeline("feature-extraction", BERT, {
    dtype: "fp32",
    prune: { ...prune, calibration, cache: false },
  });
  return distance(embed).finally(() => embed.dispose());
}

describe("a tuning that a metric judges", () => {
  test("measures each candidate as users load it, and keeps what is better than RIA and Wanda by it", async () => {
    const cache_dir = temporaryFolder();
    const open: number[] = [];
    const { record, report, registered } = await tune(BERT, {
      ...OPTIONS,
      sparsity: 0.5,
      cache_dir,
      metric: {
        ...METRIC,
        measure: async (embed) => {
          expectTypeOf(embed).toEqualTypeOf<Embed>();
          open.push(openFiles().length);
          return distance(embed);
        },
      },
    });
    expect(openFiles()).toEqual([]);
    // One model at a time, and each once.
    expect(new Set(open)).toEqual(new Set([1]));
    const judge = { name: "embedding distance", text: null };
    expect(report).toMatchObject({
      judge,
      family: "bert/64",
      pattern: "50% by row",
      objective: { name: "hidden-drift" },
      notes: ['the objective is hidden-drift and not the usual kl: the model has no output "logits"'],
    });
    const { ria, wanda, tuned } = report.judged;
    expect(report.judged.dense).toBeCloseTo(0, 5);
    expect(open).toHaveLength(3 + report.finalists.length);
    expect(tuned).toBe(Math.min(...report.finalists.map(({ judged }) => judged)));

    // Scopes are those of the papers; the tuned coefficients compete within rows.
    const sparsity = 0.5;
    expect(await asUsersPrune({ method: "ria", sparsity })).toBeCloseTo(ria, 9);
    expect(await asUsersPrune({ method: "wanda", sparsity })).toBeCloseTo(wanda, 9);
    const { coefficients, passes } = plainRecord(record) as Pick<PruneOptions, "coefficients" | "passes">;
    expect(await asUsersPrune({ sparsity, coefficients, passes } as PruneOptions)).toBeCloseTo(tuned, 9);

    expect(record).toMatchObject({ judge, judged: report.judged, objective: "hidden-drift" });
    expect(readRecord(JSON.parse(JSON.stringify(plainRecord(record))), dottedLabel("record"))).toEqual(record);
    expect(report.accepted).toBe(tuned < Math.min(ria, wanda));
    expect(registered).toBe(report.accepted);
    // The pruned models that were measured are not kept.
    const kept = join(cache_dir, "transformers-prune");
    const files = existsSync(kept) ? readdirSync(kept) : [];
    expect(files.filter((name) => name.startsWith("model-"))).toEqual([]);
  }, 240_000);

  test("that is stopped goes on and measures nothing twice, by this metric and no other", async () => {
    const checkpoint = join(temporaryFolder(), "tuning.json");
    const options = { ...OPTIONS, pattern: "2:4", objective: "diagonal-error", register: false } as const;
    const controller = new AbortController();
    let measured = 0;
    const counting = (last: number) => ({
      ...METRIC,
      measure: async (embed: Embed) => {
        if (++measured === last) controller.abort(new Error("the user left"));
        return distance(embed);
      },
    });
    const { signal } = controller;
    await expect(tune(BERT, { ...options, checkpoint, signal, metric: counting(4) })).rejects.toThrow("the user left");
    expect(openFiles()).toEqual([]);
    expect(measured).toBe(4);

    const other = { ...METRIC, name: "another distance" };
    await expect(tune(BERT, { ...options, checkpoint, metric: other })).rejects.toMatchObject({
      code: "storage",
      message: expect.stringContaining("of a run with another model, judge or options"),
    });
    const { report } = await tune(BERT, { ...options, checkpoint, metric: counting(Number.NaN) });
    expect(measured).toBe(3 + report.finalists.length);
    expect(existsSync(checkpoint)).toBe(false);
  }, 240_000);
});

describe("a metric is refused", () => {
  const refused = async (options: Partial<TuneMetric<"feature-extraction">> & { objective?: "kl" }, error: object) => {
    const { objective = "diagonal-error", ...metric } = options;
    const given = { ...OPTIONS, pattern: "2:4", objective, metric: { ...METRIC, ...metric } } as const;
    await expect(tune(BERT, given)).rejects.toMatchObject(error);
    expect(openFiles()).toEqual([]);
  };

  test("that is no number for the dense model", () =>
    refused(
      { measure: () => Number.NaN },
      {
        code: "bad-option",
        message: expect.stringMatching(
          /"embedding distance" must be a finite number .* is NaN for the dense model; let/,
        ),
      },
    ));

  test("that is no number for a candidate, which is named", () => {
    let measured = 0;
    const measure = () => (measured++ === 0 ? 0 : Number.POSITIVE_INFINITY);
    return refused(
      { measure },
      { code: "bad-option", message: expect.stringContaining("Infinity for ria at 2:4; let") },
    );
  });

  test("that fails, with its own error", () =>
    refused({ measure: () => Promise.reject(new RangeError("no labels")) }, new RangeError("no labels")));

  test("for a task that the host does not have, with the host's error", () =>
    refused({ task: "mind-reading" as "feature-extraction" }, { message: expect.stringContaining("mind-reading") }));

  test("together with an objective that the model does not allow, naming those that it does", () =>
    refused(
      { objective: "kl" },
      { code: "unsupported", message: expect.stringContaining("tune with hidden-drift or output-error") },
    ));
});
