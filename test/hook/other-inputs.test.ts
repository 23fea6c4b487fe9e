import { cpSync } from "node:fs";
import { join } from "node:path";
import * as host from "@huggingface/transformers";
import { describe, expect, test } from "vitest";
import { pruneToFiles } from "../../src/hook/prune-to-files.js";
import { type PruneReport, pipeline, withPrune } from "../../src/index.js";
import { BERT, openFiles, SHORT, sessions, sparsities, T5, temporaryFolder, VIT } from "./loading.js";

const TEXTS = ["A fine morning.", "She walked to the village, and he did not follow her.", "No."];

describe("an embedding model", () => {
  test("is calibrated by text as it is", async () => {
    const reports: PruneReport[] = [];
    const embed = await pipeline("feature-extraction", BERT, {
      prune: { pattern: "2:4", calibration: SHORT, cache: false, onReport: (report) => reports.push(report) },
    });
    expect(reports[0]?.calibration).toBe("2 samples of 64 tokens of the built-in text");
    expect(new Set(reports[0]?.weights.map(({ tokens, sparsity }) => `${tokens} ${sparsity}`))).toEqual(
      new Set(["128 0.5"]),
    );
    const output = await embed(TEXTS, { pooling: "mean", normalize: true });
    expect(output.dims).toEqual([3, 64]);
  });

  test("run on a batch of texts of different lengths counts their tokens and no padding", async () => {
    const reports: PruneReport[] = [];
    let tokens = 0;
    await pipeline("feature-extraction", BERT, {
      prune: {
        calibration: {
          run: async (embed) => {
            const { attention_mask } = embed.tokenizer(TEXTS, { padding: true });
            tokens = [...(attention_mask.data as BigInt64Array)].reduce((sum, one) => sum + Number(one), 0);
            expect(tokens).toBeLessThan(attention_mask.size);
            await embed(TEXTS, { pooling: "mean" });
          },
        },
        cache: false,
        onReport: (report) => reports.push(report),
      },
    });
    expect(new Set(reports[0]?.weights.map((weight) => weight.tokens))).toEqual(new Set([tokens]));
  });

  test("run under a name is cached", async () => {
    const cache = temporaryFolder();
    const fromCache: boolean[] = [];
    const load = () =>
      pipeline("feature-extraction", BERT, {
        prune: {
          calibration: { run: (embed) => embed(TEXTS), id: "three texts" },
          cache,
          onReport: (report) => fromCache.push(report.fromCache),
        },
      });
    await load();
    await load();
    expect(fromCache).toEqual([false, true]);
  });

  test("takes token ids and ready feeds", async () => {
    const reports: PruneReport[] = [];
    const common = { pattern: "2:4", cache: false, onReport: (report: PruneReport) => reports.push(report) } as const;
    await pipeline("feature-extraction", BERT, {
      prune: {
        ...common,
        calibration: {
          tokens: [
            [2, 5, 7, 3],
            [2, 3],
          ],
        },
      },
    });
    const ids = (values: bigint[]) => new host.Tensor("int64", values, [1, values.length]).ort_tensor;
    const feeds = {
      input_ids: ids([2n, 7n, 0n]),
      attention_mask: ids([1n, 1n, 0n]),
      token_type_ids: ids([0n, 0n, 0n]),
    };
    await pipeline("feature-extraction", BERT, { prune: { ...common, calibration: { feeds: [feeds] } } });
    expect(reports.map(({ weights, calibration }) => [weights[0]?.tokens, calibration])).toEqual([
      [6, "2 samples of token ids"],
      [2, "the given feeds"],
    ]);
  });
});

describe("a model that reads images", () => {
  test("says that text cannot calibrate it, and how it can be", async () => {
    const wrong = pipeline("image-feature-extraction", VIT, { prune: { pattern: "2:4", cache: false } });
    await expect(wrong).rejects.toMatchObject({ code: expect.stringMatching(/bad-calibration|not-found/) });
    await expect(wrong).rejects.toThrow(/run/);
    expect(openFiles()).toEqual([]);
  });

  test("is calibrated by its own inputs, where all rows count", async () => {
    const reports: PruneReport[] = [];
    const pixels = Uint8ClampedArray.from({ length: 32 * 32 * 3 }, (_, i) => (i * 37) % 256);
    const image = new host.RawImage(pixels, 32, 32, 3);
    await pipeline("image-feature-extraction", VIT, {
      prune: {
        pattern: "2:4",
        calibration: {
          run: async (extract) => {
            await extract(image);
            await extract([image, image]);
          },
        },
        cache: false,
        onReport: (report) => reports.push(report),
      },
    });
    expect(reports[0]).toMatchObject({ method: "sparsegpt", reconstruct: "obs", target: "weights", groups: 1 });
    for (const { error } of reports[0]?.weights ?? []) expect(error).toBeGreaterThan(0);
    // 16 patches and the class token, of three images.
    expect(reports[0]?.weights.find(({ kind }) => kind === "q")?.tokens).toBe(3 * 17);
    expect(new Set((await sparsities(sessions.at(-1) as never)).values())).toEqual(new Set([0.5]));
  });

  test("needs no calibration for magnitude", async () => {
    const prune = { method: "magnitude", sparsity: 0.25, cache: false } as const;
    await withPrune(host.AutoModel).from_pretrained(VIT, { prune });
    expect(new Set((await sparsities(sessions.at(-1) as never)).values())).toEqual(new Set([0.25]));
  });
});

test("a model of one session that reads what another would make waits for no other", async () => {
  const folder = temporaryFolder();
  cpSync(BERT, folder, { recursive: true });
  cpSync(join(T5, "onnx/decoder_model_merged.onnx"), join(folder, "onnx/model.onnx"));
  let isRun = false;
  const run = async () => {
    isRun = true;
  };
  const prune = { pattern: "2:4", calibration: { run, id: "nothing" }, cache: false } as const;
  await expect(pruneToFiles(folder, { prune, dtype: "fp32" })).rejects.toMatchObject({ code: "bad-calibration" });
  expect(isRun).toBe(true);
});
