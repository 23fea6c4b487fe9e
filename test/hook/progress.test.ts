import { describe, expect, test } from "vitest";
import { type PruneProgressInfo, pipeline } from "../../src/index.js";
import { AUSTEN, SHORT, T5, temporaryFolder } from "./loading.js";

type Info = Parameters<NonNullable<NonNullable<Parameters<typeof pipeline>[2]>["progress_callback"]>>[0];

const prunesOf = (infos: readonly Info[]) => infos.filter((info): info is PruneProgressInfo => info.status === "prune");

describe("progress_callback", () => {
  const cache = temporaryFolder();

  test("hears of pruning between the host's events, with ready last", async () => {
    const infos: Info[] = [];
    await pipeline("text-generation", AUSTEN, {
      dtype: "fp32",
      progress_callback: (info) => infos.push(info),
      prune: { pattern: "2:4", calibration: SHORT, cache },
    });
    expect(infos.at(-1)).toMatchObject({ status: "ready", task: "text-generation", model: AUSTEN });
    expect(infos.filter(({ status }) => status === "ready")).toHaveLength(1);
    expect(infos.some(({ status }) => status === "done")).toBe(true);

    const prunes = prunesOf(infos);
    expect(prunes[0]).toMatchObject({ name: AUSTEN, file: "onnx/model.onnx", stage: "calibrate" });
    expect([...new Set(prunes.map(({ stage }) => stage))]).toEqual(["calibrate", "update", "write", "load"]);
    expect(prunes.map(({ progress }) => progress)).toEqual(
      prunes.map(({ progress }) => progress).toSorted((a, b) => a - b),
    );
    expect(prunes.at(-1)).toMatchObject({ progress: 100, loaded: 1, total: 1 });
    expect(prunes.every(({ progress, loaded, total }) => progress >= 0 && progress <= 100 && loaded <= total)).toBe(
      true,
    );
  });

  test("hears one event of a model from the cache", async () => {
    const infos: Info[] = [];
    await pipeline("text-generation", AUSTEN, {
      dtype: "fp32",
      progress_callback: (info) => infos.push(info),
      prune: { pattern: "2:4", calibration: SHORT, cache },
    });
    expect(prunesOf(infos)).toMatchObject([{ stage: "cache", progress: 100 }]);
    expect(infos.at(-1)?.status).toBe("ready");
  });

  test.each(["text", "run"] as const)(
    "never falls for any file of an encoder and its decoder calibrated by %s",
    async (by) => {
      const infos: Info[] = [];
      await pipeline("text2text-generation", T5, {
        progress_callback: (info) => infos.push(info),
        prune: {
          pattern: "2:4",
          passes: 2,
          cache: false,
          calibration: by === "text" ? SHORT : { run: (pipe) => pipe("A fine morning.", { max_new_tokens: 4 }) },
        },
      });
      const prunes = prunesOf(infos);
      const files = new Set(prunes.map(({ file }) => file));
      expect(files).toEqual(new Set(["onnx/decoder_model_merged.onnx", "onnx/encoder_model.onnx"]));
      for (const name of files) {
        const progress = prunes.filter(({ file }) => file === name).map((info) => info.progress);
        expect(progress).toEqual(progress.toSorted((a, b) => a - b));
        expect(progress.at(-1)).toBe(100);
      }
      expect(infos.filter(({ status }) => status === "ready")).toHaveLength(1);
      expect(infos.at(-1)?.status).toBe("ready");
    },
  );
});
