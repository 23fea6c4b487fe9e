import { describe, expect, it } from "vitest";
import { readTuneSettings, TUNE_DEFAULTS, TUNE_OPTION_NAMES, TUNE_OPTIONS } from "../../src/tune/settings.js";

describe("the settings of tune()", () => {
  it("need a text, and all else has a default", () => {
    expect(readTuneSettings({ text: "It was a fine morning." })).toEqual({
      ...TUNE_DEFAULTS,
      text: "It was a fine morning.",
      checkpoint: null,
    });
    expect(() => readTuneSettings({})).toThrow("tune().text: expected a text to judge on, received undefined");
  });

  it("are kept as they are given", () => {
    const given = {
      text: "x",
      windows: 4,
      length: 64,
      objective: "learned",
      optimiser: "random",
      evaluations: 7,
      seed: 3,
      per: { segments: 4 },
      passes: 2,
      tokens: 128,
      finalists: 1,
      study: 20,
      checkpoint: "here.json",
      register: false,
    };
    expect(readTuneSettings(given)).toEqual(given);
    expect(Object.keys(given).sort()).toEqual([...TUNE_OPTION_NAMES].sort());
  });

  it.each([
    [{ evalutions: 7 }, "unknown-option", 'did you mean "evaluations"'],
    [{ evaluations: 0 }, "bad-option", "tune().evaluations"],
    [{ evaluations: 1.5 }, "bad-option", "tune().evaluations"],
    [{ objective: "drift" }, "bad-option", "tune().objective"],
    [{ optimiser: "adam" }, "bad-option", "tune().optimiser"],
    [{ per: "layer" }, "bad-option", "tune().per"],
    [{ per: {} }, "bad-option", "tune().per"],
    [{ per: { segments: 1 } }, "bad-option", "tune().per.segments"],
    [{ per: { segments: 2, segment: 3 } }, "unknown-option", 'did you mean "segments"'],
    [{ register: "no" }, "bad-option", "tune().register"],
    [{ checkpoint: "" }, "bad-option", "tune().checkpoint"],
    [{ objective: "learned" }, "bad-option", "it needs a study: set study"],
    [{ objective: "measured", study: 0 }, "bad-option", "it needs a study: set study"],
  ])("refuse %j", (given, code, message) => {
    const read = () => readTuneSettings({ text: "x", ...given });
    expect(read).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }));
  });

  it("are documented with the defaults that they have", () => {
    for (const [name, value] of Object.entries(TUNE_DEFAULTS)) {
      if (name === "study") continue; // 0 candidates are no study
      expect(TUNE_OPTIONS[name as keyof typeof TUNE_OPTIONS].default).toBe(String(value));
    }
  });
});
