import { describe, expect, it } from "vitest";
import { readTuneSettings, TUNE_DEFAULTS, TUNE_OPTION_NAMES, TUNE_OPTIONS } from "../../src/tune/settings.js";

const { windows, length, ...SEARCH_DEFAULTS } = TUNE_DEFAULTS;
const METRIC = { name: "error rate", task: "text-classification", measure: () => 0.5 };

describe("the settings of tune()", () => {
  it("need a text or a metric, and all else has a default", () => {
    expect(readTuneSettings({ text: "It was a fine morning." })).toEqual({
      ...SEARCH_DEFAULTS,
      judge: { kind: "perplexity", text: "It was a fine morning.", windows, length },
      objective: null,
      checkpoint: null,
    });
    expect(() => readTuneSettings({})).toThrow(
      "tune().text: expected a text to judge on, or a metric in its place, received undefined",
    );
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
    const { text, windows, length, ...rest } = given;
    expect(readTuneSettings(given)).toEqual({ ...rest, judge: { kind: "perplexity", text, windows, length } });
    expect([...Object.keys(given), "metric"].sort()).toEqual([...TUNE_OPTION_NAMES].sort());
  });

  it("take a metric of the user's own in the place of a text", () => {
    const metric = {
      ...METRIC,
      measure(pipe: number) {
        return [this.name, pipe];
      },
    };
    const { judge } = readTuneSettings({ metric });
    if (judge.kind !== "metric") throw new Error("it is not judged by the metric");
    expect(judge.metric).toMatchObject({ name: "error rate", task: "text-classification" });
    expect(judge.metric.measure(1 as never)).toEqual(["error rate", 1]);
  });

  it.each([
    [{}, "tune().metric.name: expected its part of a metric { name, task, measure(pipe) }"],
    [{ ...METRIC, name: " " }, "tune().metric.name"],
    [{ ...METRIC, name: "perplexity" }, "perplexity is measured where a text is given"],
    [{ ...METRIC, task: undefined }, "tune().metric.task"],
    [{ ...METRIC, measure: 0.5 }, "tune().metric.measure: expected a function, received 0.5"],
    [{ ...METRIC, higherIsBetter: true }, 'tune().metric has no option "higherIsBetter"'],
    [METRIC.measure, "tune().metric: expected a metric { name, task, measure(pipe) }, received a function"],
  ])("refuse the metric %j", (metric, message) => {
    expect(() => readTuneSettings({ metric })).toThrow(
      expect.objectContaining({ message: expect.stringContaining(message) }),
    );
  });

  it.each([{ text: "x" }, { windows: 4 }, { length: 64 }])("refuse %j beside a metric", (given) => {
    const [name] = Object.keys(given);
    expect(() => readTuneSettings({ metric: METRIC, ...given })).toThrow(
      `tune().${name} says on what perplexity is measured, but tune().metric takes its place; leave one of them out`,
    );
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
