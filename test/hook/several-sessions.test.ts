/** Models of two and three sessions that read sound and images, in the dtypes that people load. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as host from "@huggingface/transformers";
import { describe, expect, test } from "vitest";
import { type PruneOptions, type PruneReport, pipeline, pruneModel, withPrune } from "../../src/index.js";
import { LLAVA, openFiles, SHORT, sparsities, temporaryFolder, WHISPER } from "./loading.js";

/** A second of a tone that rises. */
const SOUND = Float32Array.from({ length: 16_000 }, (_, i) => 0.3 * Math.sin(i * (0.05 + i / 200_000)));
const PIXELS = Uint8ClampedArray.from({ length: 40 * 40 * 3 }, (_, i) => (i * 37) % 256);
const IMAGE = new host.RawImage(PIXELS, 40, 40, 3);
const HALF = new Set([0.5]);

describe("a speech model of eight bits", () => {
  type Recogniser = host.AutomaticSpeechRecognitionPipeline;
  const hear = (pipe: Recogniser) => pipe(SOUND, { max_new_tokens: 8 }) as Promise<{ text: string }>;
  const prune: PruneOptions<Recogniser> = {
    ...{ method: "ria", pattern: "2:4", cache: false },
    calibration: { run: hear, id: "a tone" },
  };

  test("is calibrated by the sounds it hears: both sessions, convolutions over codes too", async () => {
    const reports = new Map<string, PruneReport>();
    const onReport = (report: PruneReport) => reports.set(report.file, report);
    const options = { dtype: "q8", prune: { ...prune, onReport } } as const;
    const pipe = await pipeline("automatic-speech-recognition", WHISPER, options);
    const encoder = reports.get("encoder_model_quantized");
    const decoder = reports.get("decoder_model_merged_quantized");
    // Two seconds of 100 frames each, every second of which the convolution keeps.
    expect(encoder?.weights.find(({ name }) => name === "conv2")).toMatchObject({ dtype: "uint8", tokens: 100 });
    expect(encoder?.skipped).toContainEqual({ name: "conv1", reason: 'stem: reads the input "input_features"' });
    expect(decoder?.weights.find(({ name }) => name.endsWith("encoder_attn.k_proj"))).toMatchObject({ tokens: 100 });
    for (const report of [encoder, decoder])
      for (const { zeros, shape } of report?.weights ?? []) expect(zeros).toBe((shape[0] * shape[1]) / 2);
    await pipe.dispose();
  });

  test("is written as it is loaded: transformers.js alone hears the same", async () => {
    const out = join(temporaryFolder(), "pruned");
    await pruneModel(WHISPER, { dtype: "q8", task: "automatic-speech-recognition", prune, out });
    const ours = await pipeline("automatic-speech-recognition", WHISPER, { dtype: "q8", prune });
    const theirs = await host.pipeline("automatic-speech-recognition", out, { dtype: "q8" });
    expect(await hear(theirs)).toEqual(await hear(ours));
    expect(openFiles()).toHaveLength(4);
    await Promise.all([ours.dispose(), theirs.dispose()]);
  });
});

describe("a vision–language model in three files", () => {
  const fp16 = { dtype: "fp16" } as const;
  const describeImage = async (model: host.PreTrainedModel) => {
    const processor = await host.AutoProcessor.from_pretrained(LLAVA);
    const inputs = await processor(IMAGE, "<image>\nWhat a fine morning");
    return model.generate({ ...inputs, max_new_tokens: 4 });
  };
  const byImage: PruneOptions<host.PreTrainedModel> = {
    ...{ method: "ria", pattern: "2:4", cache: false },
    calibration: { run: describeImage, id: "an image" },
  };
  const FILES = ["decoder_model_merged_fp16", "embed_tokens_fp16", "vision_encoder_fp16"];

  test("is pruned where it has linear layers, by images and text together", async () => {
    const out = join(temporaryFolder(), "pruned");
    const { reports } = await pruneModel(LLAVA, { ...fp16, prune: byImage, out });
    expect(reports.map(({ file }) => file)).toEqual(FILES.filter((file) => !file.startsWith("embed")));
    const inFile = (file: string) => sparsities({ model: join(out, `onnx/${file}.onnx`), options: {} });
    for (const { file } of reports) expect(new Set((await inFile(file)).values())).toEqual(HALF);
    expect(readFileSync(join(out, "onnx/embed_tokens_fp16.onnx"))).toEqual(
      readFileSync(join(LLAVA, "onnx/embed_tokens_fp16.onnx")),
    );
    // 16 patches of the image, which the decoder reads in the place of one token.
    const vision = reports.find(({ file }) => file.startsWith("vision"));
    expect(vision?.weights.find(({ kind }) => kind === "q")?.tokens).toBe(17);

    const ours = await withPrune(host.LlavaForConditionalGeneration).from_pretrained(LLAVA, {
      ...fp16,
      prune: byImage,
    });
    const theirs = await host.LlavaForConditionalGeneration.from_pretrained(out, fp16);
    const said = async (model: host.PreTrainedModel) => ((await describeImage(model)) as host.Tensor).tolist();
    expect(await said(theirs)).toEqual(await said(ours));
    await Promise.all([ours.dispose(), theirs.dispose()]);
  });

  test("keeps the sessions dense that a map leaves out", async () => {
    const prune = { vision_encoder: false, decoder_model_merged: byImage } as const;
    const model = await withPrune(host.LlavaForConditionalGeneration).from_pretrained(LLAVA, { ...fp16, prune });
    expect(openFiles().sort()).toEqual(["bytes", "embed_tokens_fp16", "vision_encoder_fp16"]);
    await model.dispose();
  });

  test("says that text does not reach the vision encoder, and what does", async () => {
    const prune = { ...byImage, calibration: SHORT };
    const wrong = pruneModel(LLAVA, { ...fp16, prune, out: join(temporaryFolder(), "pruned") });
    await expect(wrong).rejects.toMatchObject({
      code: "bad-calibration",
      message: expect.stringMatching(/vision_encoder_fp16: .*"pixel_values".*run/),
    });
    expect(openFiles()).toEqual([]);
  });
});
