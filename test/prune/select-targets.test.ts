import { describe, expect, it } from "vitest";
import { PruneError } from "../../src/errors.js";
import { checkSelections, type Selection } from "../../src/prune/index.js";
import { languageModel, planOf } from "./tiny.js";

const select = (option: object): Promise<Selection> => planOf({ pattern: "2:4", ...option });
const namesOf = ({ targets }: Selection) => targets.map(({ name }) => name);

const errorOf = async (work: () => unknown): Promise<PruneError> => {
  try {
    await work();
  } catch (error) {
    if (error instanceof PruneError) return error;
    throw error;
  }
  throw new Error("was accepted");
};

const FC1 = "layers.0.mlp.fc1";
const FC2 = "layers.0.mlp.fc2";

describe("the weights of a file that are pruned", () => {
  it("are all but those that are dense by default, which are listed with their reason", async () => {
    const selection = await select({});
    expect(namesOf(selection)).toEqual([FC1, FC2]);
    expect(selection.skipped.map(({ name }) => name)).toEqual(["embeddings", "lm_head"]);
    expect(selection.skipped.every(({ reason }) => reason.length > 0)).toBe(true);
  });

  it("are what include names, also what is dense by default", async () => {
    const selection = await select({ include: ["*.fc1", "lm_head"] });
    expect(namesOf(selection)).toEqual([FC1, "lm_head"]);
    expect(selection.skipped).toContainEqual({ name: FC2, reason: "not included" });
  });

  it("are not what exclude names, whatever include says", async () => {
    const selection = await select({ include: "layers.*", exclude: ["*.fc2"] });
    expect(namesOf(selection)).toEqual([FC1]);
    expect(selection.skipped).toContainEqual({ name: FC2, reason: 'excluded by "*.fc2"' });
  });

  it("must take the pattern, and the error names all that do not, file and remedy", async () => {
    const error = await errorOf(() => planOf({ pattern: "3:5" }));
    expect(error.code).toBe("bad-pattern");
    expect(error.message).toBe(
      `weight "${FC1}" of model: it has 16 input channels and pattern 3:5 needs a multiple of 5; exclude it or use an unstructured pattern; 1 more do not fit: "${FC2}"`,
    );
    expect(error.details).toEqual({ file: "model", weight: FC1, pattern: "3:5", weights: [FC1, FC2] });
    expect(namesOf(await select({ pattern: "12:32", exclude: "*.fc1" }))).toEqual([FC2]);
  });
});

describe("selections of all files of a model together", () => {
  const other = () => planOf({ pattern: "2:4", include: "*.fc2" }, languageModel(2), "decoder");

  it("are right where every glob matches in some file that has it", async () => {
    const files = [await select({ include: ["*.fc1", "lm_head"], exclude: "*.fc2" }), await other()];
    expect(() => checkSelections(files, "tiny")).not.toThrow();
    const encoderOnly = { ...languageModel(), nodes: languageModel().nodes?.slice(0, 2) ?? [] };
    const encoder = await planOf("2:4", { ...encoderOnly, outputs: [] });
    expect(() => checkSelections([encoder, encoder], "tiny")).not.toThrow();
  });

  it.each([
    ["include", "layers.0.attention.*"],
    ["exclude", "lm-head"],
  ])("are wrong where %s %j matches nowhere, and the error shows how weights are named", async (label, glob) => {
    const error = await errorOf(async () => checkSelections([await select({ [label]: ["*.fc1", glob] })], "tiny"));
    expect(error.code).toBe("bad-option");
    expect(error.message).toBe(
      `${label} "${glob}" matches no weight of tiny; its weights are named like "${FC1}", "${FC2}", "lm_head"`,
    );
    expect(error.details).toEqual({ model: "tiny", [label]: glob });
  });

  it("are wrong where a file's own glob matches nothing, though another file has other globs", async () => {
    for (const files of [
      [await select({ exclude: "typo" }), await other()],
      [await other(), await select({ exclude: "typo" })],
    ])
      expect((await errorOf(() => checkSelections(files, "tiny"))).message).toContain(
        'exclude "typo" matches no weight',
      );
  });

  it("are wrong where nothing is left to prune", async () => {
    const all = await errorOf(async () => checkSelections([await select({ exclude: "**" })], "tiny"));
    expect(all).toMatchObject({ code: "no-targets", message: expect.stringContaining("loosen include and exclude") });
    const bare = { ...languageModel(), nodes: languageModel().nodes?.slice(0, 1) ?? [], outputs: [] };
    const none = await errorOf(async () => checkSelections([await planOf({ include: "*" }, bare)], "tiny"));
    expect(none).toMatchObject({ code: "no-targets", message: expect.stringContaining("it has none") });
  });
});
