import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { pipeline } from "../../src/index.js";
import { AUSTEN, BERT, openFiles, openSessions, SHORT, T5, temporaryFolder } from "./loading.js";

const files = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .filter((name) => !/^[0-9a-f]{32}\.json$/.test(name)); // remembered hashes of source files

describe("an AbortSignal", () => {
  test.each([
    ["calibrate", {}, []],
    ["update", {}, []],
    // What is finished stays for the next load.
    ["write", {}, ["pass-0-group-0"]],
    ["mask", { method: "wanda" }, []],
    ["write", { method: "wanda" }, []],
  ] as const)("stops a load in the %s phase of %j, and the next load works", async (stage, method, left) => {
    const cache = temporaryFolder();
    const controller = new AbortController();
    const reason = new Error("the user left");
    const load = (signal?: AbortSignal) =>
      pipeline("text-generation", AUSTEN, {
        dtype: "fp32",
        progress_callback: (info) => {
          if (info.status === "prune" && info.stage === stage) controller.abort(reason);
        },
        prune: { ...method, pattern: "2:4", calibration: SHORT, cache, ...(signal && { signal }) },
      });
    await expect(load(controller.signal)).rejects.toBe(reason);
    expect(files(cache)).toEqual(left);
    expect(openFiles()).toEqual([]);

    await load();
    expect(openSessions()).toHaveLength(1);
    expect(files(cache)).toContain("model.onnx");
    expect(files(cache)).not.toContain("pass-0-group-0");
  });

  test("that is aborted already opens nothing", async () => {
    const signal = AbortSignal.abort(new Error("too late"));
    await expect(pipeline("feature-extraction", BERT, { prune: { signal, cache: false } })).rejects.toThrow("too late");
    expect(openFiles()).toEqual([]);
  });

  test("stops calibration by run at the next run of a session", async () => {
    const controller = new AbortController();
    let texts = 0;
    const loading = pipeline("feature-extraction", BERT, {
      prune: {
        signal: controller.signal,
        cache: false,
        calibration: {
          run: async (embed) => {
            for (;;) {
              if (++texts === 3) controller.abort(new Error("enough"));
              await embed("A fine morning.");
            }
          },
        },
      },
    });
    await expect(loading).rejects.toThrow("enough");
    expect(texts).toBe(3);
    expect(openFiles()).toEqual([]);
  });

  test("stops a load that waits for another, at once", async () => {
    const controller = new AbortController();
    const order: string[] = [];
    let second: Promise<unknown> | undefined;
    const first = pipeline("text-generation", AUSTEN, {
      dtype: "fp32",
      progress_callback: (info) => {
        if (info.status !== "prune" || second !== undefined) return;
        const prune = { signal: controller.signal, cache: false };
        second = pipeline("feature-extraction", BERT, { prune }).catch((reason) => order.push(String(reason)));
        setTimeout(() => controller.abort("changed my mind"), 50);
      },
      prune: { pattern: "2:4", calibration: { count: 8, length: 256 }, cache: false },
    }).then(() => order.push("first"));
    await Promise.all([first, second]);
    expect(order).toEqual(["changed my mind", "first"]);
    expect(openFiles()).toEqual(["bytes"]);
  });
});

describe("a load that fails half-way", () => {
  test("releases the sessions that are open, and opens no more", async () => {
    // The encoder takes 2:4; the decoder's feed-forward layers, 96 wide, do not take 1:64.
    const loading = pipeline("text2text-generation", T5, {
      prune: {
        encoder_model: { method: "magnitude", pattern: "2:4", cache: false },
        decoder_model_merged: { method: "magnitude", pattern: "1:64", cache: false },
      },
    });
    await expect(loading).rejects.toMatchObject({
      code: "bad-pattern",
      message: expect.stringMatching(/decoder_model_merged\.onnx.*64/),
    });
    expect(openFiles()).toEqual([]);
  });

  test("releases them too where the host itself fails", async () => {
    const loading = pipeline("feature-extraction", BERT, {
      dtype: "fp16",
      prune: { method: "magnitude", cache: false },
    });
    await expect(loading).rejects.toThrow(/model_fp16\.onnx/);
    expect(openFiles()).toEqual([]);
  });

  test("releases them where a check at the end fails", async () => {
    const loading = pipeline("feature-extraction", BERT, {
      prune: { method: "magnitude", include: ["*.query", "*.quarry"], cache: false },
    });
    await expect(loading).rejects.toMatchObject({ code: "bad-option", message: expect.stringContaining("quarry") });
    expect(openFiles()).toEqual([]);
  });
});

describe("errors of calibration", () => {
  test("name it where samples do not fit the model", async () => {
    const loading = pipeline("feature-extraction", BERT, {
      prune: { cache: false, calibration: { tokens: [[100_000]] } },
    });
    await expect(loading).rejects.toMatchObject({
      code: "bad-calibration",
      message: expect.stringContaining("input_ids"),
    });
    expect(openFiles()).toEqual([]);
  });
});
