import { describe, expect, it } from "vitest";
import { checkNamedFiles, resolvePruneOption } from "../../src/options/index.js";

// Every session file that transformers.js 4.3 opens (MODEL_SESSION_CONFIG).
const HOST_FILES = [
  ...["model", "encoder_model", "decoder_model", "decoder_model_merged", "text_encoder", "encodec_decode"],
  ...["vision_encoder", "prompt_encoder_mask_decoder", "embed_tokens", "audio_encoder", "prepare_inputs_embeds"],
  ...["language_model", "lm_head", "gen_head", "gen_img_embeds", "image_decode", "latent_denoiser", "voice_decoder"],
  ...["speech_encoder", "conditional_decoder"],
];

describe("session files in a map", () => {
  it.each(HOST_FILES)("%s is known by its name, even with a value that is wrong", (file) => {
    expect(resolvePruneOption({ [file]: "2:4" }).namedFiles).toEqual([file]);
    expect(() => resolvePruneOption({ [file]: 7 })).toThrow(expect.objectContaining({ code: "bad-option" }));
  });
});

describe("checkNamedFiles", () => {
  const files = ["encoder_model", "decoder_model_merged"];

  it("accepts a plain option and a map of files that exist", () => {
    checkNamedFiles(resolvePruneOption("2:4"), files);
    checkNamedFiles(resolvePruneOption({ encoder_model: false }), files);
  });

  it("names the nearest session file for one that does not exist", () => {
    expect(() => checkNamedFiles(resolvePruneOption({ decoder_model_merge: "2:4" }), files)).toThrow(
      'prune names "decoder_model_merge", which is neither an option nor a session file of this model; ' +
        'did you mean "decoder_model_merged"? Session files: encoder_model, decoder_model_merged.',
    );
  });

  it("lists the options too, for what was meant as one", () => {
    expect(() => checkNamedFiles(resolvePruneOption({ ratio: 0.5 }), files)).toThrow("Options: preset, method, ");
  });
});
