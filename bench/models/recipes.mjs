/**
 * How each model of `build.py` is loaded and used, as somebody who calibrates it by `run` would write it. Plain
 * JavaScript, because stock.mjs runs it beside a transformers.js that has never heard of this package.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as host from "@huggingface/transformers";

/**
 * @typedef {object} Recipe
 * @property {string} layout what kind of model it is, for the table
 * @property {string} weights where they are from, for the table
 * @property {string} calibratedBy `text`: the built-in one; anything else is what `use` gives it
 * @property {string} [task] pipeline to load
 * @property {readonly string[]} [exclude] weights that cannot take 2:4
 * @property {string} [class] model class to load, for what has no pipeline
 * @property {(loaded: any, folder: string) => unknown} use
 */

const PROMPT = "It was a fine morning, and she walked to the village";

/** An image with edges and gradients, the same every time. @param {number} width @param {number} height */
export function image(width = 80, height = 64) {
  const pixels = new Uint8ClampedArray(width * height * 3);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (const colour of [x * 3, y * 4, (x ^ y) & 16 ? 255 : 40]) pixels[i++] = colour % 256;
  return new host.RawImage(pixels, width, height, 3);
}

/** Tones that come and go. @param {number} seconds @returns {Float32Array} 16 kHz */
export function sound(seconds = 2) {
  const rate = 16_000;
  return Float32Array.from({ length: seconds * rate }, (_, i) => {
    const t = i / rate;
    return 0.3 * Math.sin(2 * Math.PI * (220 + 180 * Math.sin(3 * t)) * t) * Math.abs(Math.sin(5 * t));
  });
}

/** Samples that build.py left beside a speech model. @param {string} folder @returns {Float32Array[]} 16 kHz */
export function speech(folder) {
  const { clips } = JSON.parse(readFileSync(join(folder, "speech.json"), "utf8"));
  const bytes = readFileSync(join(folder, "speech.f32"));
  const all = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  let at = 0;
  return clips.map((/** @type {number} */ length) => {
    at += length;
    return all.subarray(at - length, at);
  });
}

/**
 * A model that has a pipeline, calibrated by the built-in text.
 *
 * @param {string} layout @param {string} task @param {(pipe: any, folder: string) => unknown} use
 * @returns {Recipe}
 */
const byText = (layout, task, use, weights = "random") => ({ layout, weights, calibratedBy: "text", task, use });

/**
 * A model that has a pipeline, calibrated by using it.
 *
 * @param {string} layout @param {string} calibratedBy @param {string} task
 * @param {(pipe: any, folder: string) => unknown} use
 * @returns {Recipe}
 */
const byUse = (layout, calibratedBy, task, use, weights = "random") => ({ layout, weights, calibratedBy, task, use });

/**
 * A model that transformers.js knows only as a graph, calibrated by its inputs.
 *
 * @param {string} layout @param {string} weights @param {readonly string[] | null} exclude
 * @param {() => readonly Record<string, host.Tensor>[]} inputs of all runs
 * @returns {Recipe}
 */
const byInputs = (layout, weights, exclude, inputs) => ({
  layout,
  weights,
  calibratedBy: "inputs",
  ...(exclude && { exclude }),
  class: "AutoModel",
  use: async (model) => {
    for (const one of inputs()) await model(one);
  },
});

const generate = (/** @type {any} */ pipe) => pipe(PROMPT, { max_new_tokens: 8 });
const look = (/** @type {any} */ pipe) => pipe(image());
const listen = (/** @type {any} */ pipe) => pipe(sound());

const CAUSAL = "causal LM";
const BRANCHES = "encoder–decoder, branches in If";

/** Dark marks in rows on white, like lines of text. @param {number} height @param {number} width */
const writing = (height, width) => {
  const plane = Float32Array.from({ length: height * width }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width) % 24];
    return y >= 8 && y < 18 && x % 64 < 52 && (x * 7 + y * 3) % 11 < 6 ? -2 : 2;
  });
  return new host.Tensor("float32", Float32Array.of(...plane, ...plane, ...plane), [1, 3, height, width]);
};

/** Convolutions of 6, 18 and 42 input channels. */
const PP_OCR_MISFITS = [40, 43, 51, 54, 57, 60].map((i) => `p2o.Conv.${i}`);

/** @type {Readonly<Record<string, Recipe>>} */
export const RECIPES = {
  "smollm2-135m": byText(CAUSAL, "text-generation", generate, "SmolLM2-135M"),
  "smollm2-135m-gqa": byText(`${CAUSAL}, GroupQueryAttention`, "text-generation", generate, "SmolLM2-135M"),
  llama: byText(CAUSAL, "text-generation", generate),
  gpt2: byText(`${CAUSAL}, Gemm`, "text-generation", generate),
  qwen3: byText(CAUSAL, "text-generation", generate),
  gemma3: byText(CAUSAL, "text-generation", generate),
  t5: byText(BRANCHES, "translation", generate),
  marian: byText(BRANCHES, "translation", generate),
  bart: byText(BRANCHES, "summarization", generate),
  "bert-fill-mask": byText("encoder", "fill-mask", (pipe) => pipe("It was a [MASK] morning.")),
  "bert-ner": byText("encoder", "token-classification", (pipe) => pipe(PROMPT)),
  "bert-qa": byText("encoder", "question-answering", (pipe) => pipe("Where did she walk?", PROMPT)),
  distilbert: byText("encoder", "text-classification", (pipe) => pipe([PROMPT, "No."])),
  modernbert: byText("encoder, packed q, k, v", "fill-mask", (pipe) => pipe("It was a [MASK] morning.")),
  minilm: byText(
    "encoder, sentence embeddings",
    "feature-extraction",
    (pipe) => pipe([PROMPT, "No."], { pooling: "mean", normalize: true }),
    "all-MiniLM-L6-v2",
  ),
  vit: byUse("vision transformer", "image", "image-classification", look),
  dinov2: byUse("vision transformer", "image", "image-feature-extraction", look),
  resnet: byUse("convolutions", "image", "image-classification", look),
  mobilevit: byUse("convolutions, attention", "image", "image-classification", look),
  convnext: byUse("convolutions", "image", "image-classification", look),
  swin: byUse("attention in windows", "image", "image-classification", look),
  segformer: byUse("segmentation", "image", "image-segmentation", look),
  detr: byUse("ResNet, encoder–decoder", "image", "object-detection", (pipe) => pipe(image(), { threshold: 0 })),
  dpt: byUse("vision transformer, convolutions", "image", "depth-estimation", look),
  isnet: byUse("convolutions", "image", "background-removal", look, "IS-Net of IMG.LY"),
  clip: byUse("text and image, one file", "image and text", "zero-shot-image-classification", (pipe) =>
    pipe(image(), ["a village", "a fine morning"]),
  ),
  "vit-gpt2": byUse("image encoder, text decoder, branches in If", "image", "image-to-text", (pipe) =>
    pipe(image(), { min_new_tokens: 4, max_new_tokens: 8 }),
  ),
  sam: {
    layout: "image encoder, prompt decoder",
    weights: "random",
    calibratedBy: "image and point",
    class: "SamModel",
    use: async (model, folder) => {
      const processor = await host.AutoProcessor.from_pretrained(folder);
      return model(await processor(image(), { input_points: [[[30, 20]]] }));
    },
  },
  llava: {
    layout: "image and text, three files",
    weights: "random",
    calibratedBy: "image and text",
    class: "LlavaForConditionalGeneration",
    use: async (model, folder) => {
      const processor = await host.AutoProcessor.from_pretrained(folder);
      const inputs = await processor(image(), `<image>\n${PROMPT}`);
      return model.generate({ ...inputs, max_new_tokens: 8 });
    },
  },
  wav2vec2: byUse("convolutions, attention, CTC", "sound", "automatic-speech-recognition", listen),
  ast: byUse("attention over a spectrogram", "sound", "audio-classification", listen),
  whisper: byUse(BRANCHES, "sound", "automatic-speech-recognition", (pipe) => pipe(sound(), { max_new_tokens: 8 })),
  "whisper-tiny.en": byUse(
    BRANCHES,
    "speech",
    "automatic-speech-recognition",
    async (pipe, folder) => {
      const heard = [];
      for (const clip of speech(folder)) heard.push((await pipe(clip)).text);
      return heard;
    },
    "Whisper tiny.en",
  ),
  "pp-ocr-det": byInputs("convolutions", "PP-OCRv4 detection", PP_OCR_MISFITS, () => [{ x: writing(96, 128) }]),
  "pp-ocr-rec": byInputs("convolutions, attention", "PP-OCRv4 recognition", null, () => [{ x: writing(48, 320) }]),
  magika: byInputs("layers over bytes", "Magika v3.3", ["**.Dense_0.einsum"], () => [
    {
      bytes: new host.Tensor(
        "int32",
        Int32Array.from({ length: 2048 }, (_, i) => (i < 900 ? 32 + (i % 90) : 256)),
        [1, 2048],
      ),
    },
  ]),
  "silero-vad": byInputs("convolutions and LSTM, branches in If", "Silero VAD 6.2", ["*.encoder.0.*"], () =>
    // A branch for each of the two rates.
    [16_000, 8_000].map((rate) => {
      const length = (rate * 36) / 1000;
      return {
        input: new host.Tensor("float32", sound().slice(4000, 4000 + length), [1, length]),
        state: new host.Tensor("float32", new Float32Array(256), [2, 1, 128]),
        sr: new host.Tensor("int64", [BigInt(rate)], []),
      };
    }),
  ),
};
