import { describe, expect, it } from "vitest";
import { PruneError } from "../../src/errors.js";
import { matchesGlob, mustBeGlobs } from "../../src/options/globs.js";
import { dottedLabel } from "../../src/options/option-reader.js";

const Q3 = "model.layers.3.self_attn.q_proj";

describe("matchesGlob", () => {
  it.each([
    ["lm_head", "lm_head"],
    ["q_proj", Q3],
    ["layers.3", Q3],
    ["self_attn.q_proj", Q3],
    [Q3, Q3],
    ["*", "lm_head"],
    ["*_proj", Q3],
    ["layers.*.self_attn", Q3],
    ["layers.?", Q3],
    ["layers.**.q_proj", Q3],
    ["**.q_proj", Q3],
    ["**.q_proj", "q_proj"],
    ["layers.**", Q3],
    ["layers.**.mlp", "layers.mlp"],
    ["**", Q3],
    ["layers.1*", "layers.12.mlp.fc1"],
    ["h.0", "transformer.h.0.attn.c_attn"],
    ["a+b(c)", "x.a+b(c).y"],
  ])("%j matches %j", (pattern, name) => expect(matchesGlob(pattern, name)).toBe(true));

  it.each([
    ["proj", Q3],
    ["q_pro", Q3],
    ["layers.1", "layers.10.mlp.up_proj"],
    ["layers.*.q_proj", Q3],
    ["layers.?", "layers.10.mlp"],
    ["self_attn.layers", Q3],
    ["Q_PROJ", Q3],
    ["layers.3.q_proj", Q3],
    ["q.proj", Q3],
    ["lm.head", "lm_head"],
  ])("%j does not match %j", (pattern, name) => expect(matchesGlob(pattern, name)).toBe(false));
});

describe("globs as an option", () => {
  const label = dottedLabel("prune.include");

  it("takes one glob or several", () => {
    expect(mustBeGlobs("lm_head", label)).toEqual(["lm_head"]);
    expect(mustBeGlobs(["mlp", "layers.0"], label)).toEqual(["mlp", "layers.0"]);
  });

  it.each([[[]], [""], [7], [["mlp", null]], ["{q,k}_proj"], ["!mlp"], ["mlp, fc"]])("refuses %j", (value) =>
    expect(() => mustBeGlobs(value, label)).toThrow(PruneError),
  );
});
