import { describe, expect, it } from "vitest";
import { PruneError } from "../../src/errors.js";
import { type ResolvedPrune, resolvePruneOption } from "../../src/options/index.js";
import { METHOD_NAMES, PRESET_NAMES } from "../../src/options/table.js";
import { RECONSTRUCTIONS, type Reconstruction } from "../../src/reconstruct/table.js";

const resolve = (option: unknown): ResolvedPrune => {
  const resolved = resolvePruneOption(option).forFile("model");
  if (resolved === null) throw new Error("left dense");
  return resolved;
};

const updateOf = (option: unknown) => {
  const { method, reconstruct, sequential, target, repair } = resolve(option);
  return { method, reconstruct, sequential, target, repair };
};

const messageOf = (option: unknown): string => {
  try {
    resolvePruneOption(option);
  } catch (error) {
    if (error instanceof PruneError && error.code === "bad-option") return error.message;
    throw error;
  }
  throw new Error("was accepted");
};

const FAST = { method: "crepe", reconstruct: null, sequential: null, target: "weights", repair: [] };
const BALANCED = { ...FAST, method: "sparsegpt", reconstruct: "obs", repair: ["least-squares"] };
const BEST = { ...BALANCED, sequential: "input", target: "outputs" };

describe("presets", () => {
  it.each([
    ["fast", FAST],
    ["balanced", BALANCED],
    ["best", BEST],
  ])("%s stands for a method and what moves after it, in every form that it can be written in", (preset, update) => {
    expect(updateOf({ preset })).toEqual(update);
    expect(updateOf(preset)).toEqual(update);
    expect(resolve({ model: preset })).toEqual(resolve(preset));
    expect(resolve({ preset, pattern: "2:4" }).pattern).toEqual(resolve("2:4").pattern);
  });

  it("balanced is taken where the user says nothing of all that", () => {
    for (const option of [true, 0.5, "70%", "2:4", {}, { pattern: "2:4", exclude: "lm_head", passes: 2 }])
      expect(updateOf(option)).toEqual(BALANCED);
  });

  it("fill in only what is left out", () => {
    expect(updateOf({ preset: "best", method: "wanda" })).toEqual({ ...BEST, method: "wanda" });
    expect(updateOf({ preset: "best", reconstruct: "admm", repair: false })).toEqual({
      ...BEST,
      reconstruct: "admm",
      repair: [],
    });
    expect(updateOf({ preset: "best", sequential: false })).toEqual(BALANCED);
    expect(updateOf({ preset: "best", target: "weights" })).toEqual({ ...BEST, target: "weights" });
    expect(updateOf({ preset: "fast", repair: ["bias"] })).toEqual({ ...FAST, repair: ["bias"] });
    expect(updateOf({ sequential: { groups: 3 } })).toEqual({ ...BEST, sequential: 3 });
    expect(updateOf({ preset: undefined, method: undefined, repair: undefined })).toEqual(BALANCED);
  });
});

describe("without a preset", () => {
  it.each(METHOD_NAMES.filter((name) => name !== "sparsegpt"))(
    "method %s means masks, and weights stay as they are",
    (method) => {
      expect(updateOf({ method })).toEqual({ ...FAST, method });
      expect(updateOf({ method, reconstruct: "obs" })).toEqual({ ...FAST, method, reconstruct: "obs" });
    },
  );

  it("method sparsegpt means its own update and no more", () => {
    expect(updateOf({ method: "sparsegpt" })).toEqual({ ...BALANCED, repair: [] });
    expect(updateOf({ method: "sparsegpt", preset: "fast" })).toEqual({ ...BALANCED, repair: [] });
    expect(updateOf({ method: "sparsegpt", reconstruct: "admm" }).reconstruct).toBe("admm");
  });

  it.each([{ coefficients: "auto" }, { coefficients: { row: 0.3 } }, { pattern: "2:4", permute: true }])(
    "%j, which only scores understand, means masks by scores",
    (option) => expect(updateOf(option)).toEqual(FAST),
  );
});

it("repairs are made in an order of their own, each once, however they are listed", () => {
  expect(resolve({ repair: ["bias", "norm", "scale", "least-squares", "bias"] }).repair).toEqual([
    "least-squares",
    "scale",
    "norm",
    "bias",
  ]);
});

it.each([
  [{ preset: "slow" }, 'prune.preset: expected "fast" or "balanced" or "best", received "slow"'],
  [{ reconstruct: "sparsegpt" }, "prune.reconstruct: expected"],
  [{ reconstruct: true }, "prune.reconstruct: expected"],
  [{ method: "sparsegpt", reconstruct: false }, 'prune.reconstruct is false, but method "sparsegpt" moves weights'],
  [{ reconstruct: false }, 'prune.reconstruct is false, but method "sparsegpt" moves weights'],
  [{ method: "sparsegpt", pattern: "2:4", permute: true }, "prune.permute is for methods that score weights"],
  [{ preset: "best", pattern: "2:4", permute: true }, 'and "sparsegpt" chooses them one after the other'],
  [
    { method: "wanda", pattern: "2:4", permute: true, reconstruct: "swaps" },
    'prune.permute chooses groups of channels, within which "swaps" cannot exchange weights',
  ],
  [{ sequential: 3 }, "prune.sequential: expected true, false or { groups: n }, received 3"],
  [{ sequential: {} }, "prune.sequential: expected true, false or { groups: n }"],
  [{ sequential: { groups: 0 } }, "prune.sequential.groups: expected a whole number from 1"],
  [{ sequential: true, passes: 2 }, "leave one of them out"],
  [{ preset: "best", passes: 2 }, "leave one of them out"],
  [{ target: "inputs" }, "prune.target: expected"],
  [{ target: "outputs" }, 'prune.target is "outputs", which pruned layers can only be held to one after the other'],
  [{ repair: "bias" }, "prune.repair: expected an array of"],
  [{ repair: true }, "prune.repair: expected an array of"],
  [{ repair: ["biases"] }, 'received "biases"; did you mean "bias"?'],
  [{ damping: 0 }, "prune.damping: expected a number above 0 up to 1, received 0"],
  [{ damping: Number.NaN }, "prune.damping: expected a number above 0 up to 1"],
  [{ method: "wanda", damping: 0.1 }, "prune.damping is for second moments, and nothing here uses them"],
  [{ blockSize: 0 }, "prune.blockSize: expected a whole number from 1 to 1024"],
  [{ method: "wanda", repair: ["bias"], blockSize: 64 }, "prune.blockSize is for updates of weights"],
])("%j is refused: %s", (option, part) => {
  expect(messageOf(option)).toContain(part);
  expect(messageOf({ decoder_model: option })).toContain(part.replaceAll("prune.", "prune.decoder_model."));
});

describe("numbers of an update", () => {
  it("are its own where the user names them, and else those of its table", () => {
    for (const [name, { parameters }] of Object.entries<Reconstruction>(RECONSTRUCTIONS)) {
      const defaults = Object.fromEntries(parameters.map((one) => [one.name, one.default]));
      for (const reconstruct of [name, { name }])
        expect(resolve({ method: "wanda", reconstruct })).toMatchObject({ reconstruct: name, parameters: defaults });
      for (const { name: parameter, min, max } of parameters)
        for (const value of [min, max]) {
          const { parameters: told } = resolve({ reconstruct: { name, [parameter]: value } });
          expect(told).toEqual({ ...defaults, [parameter]: value });
        }
    }
    expect(resolve({ method: "wanda" }).parameters).toEqual({});
  });

  it.each([
    [{ steps: 2 }, "prune.reconstruct: expected the name of an update"],
    [{ name: "sparsegpt" }, "prune.reconstruct.name: expected"],
    [{ name: "sparsellm", steps: 0 }, "prune.reconstruct.steps: expected a whole number from 1 to 100, received 0"],
    [{ name: "sparsellm", steps: 1.5 }, "prune.reconstruct.steps: expected a whole number"],
    [{ name: "dsnot", threshold: -1 }, "prune.reconstruct.threshold: expected a number from 0 to"],
  ])("%j are refused: %s", (reconstruct, part) => {
    expect(messageOf({ reconstruct })).toContain(part);
  });

  it("of another update are unknown", () => {
    expect(() => resolvePruneOption({ reconstruct: { name: "swaps", steps: 2 } })).toThrow('has no option "steps"');
  });
});

it("an unknown name of a preset or key of sequential says what was meant", () => {
  expect(() => resolvePruneOption({ sequential: { group: 2 } })).toThrow('did you mean "groups"?');
  expect(() => resolvePruneOption({ presets: "best" })).toThrow('did you mean "preset"?');
  expect(PRESET_NAMES).toEqual(["fast", "balanced", "best"]);
});
