import { describe, expect, it } from "vitest";
import { PruneError } from "../../src/errors.js";
import { type CoefficientSource, type Label, type ResolvedPrune, resolvePruneOption } from "../../src/options/index.js";
import { CALIBRATION_OPTION_NAMES, PRUNE_OPTION_NAMES } from "../../src/options/table.js";

const resolve = (option: unknown): ResolvedPrune => {
  const resolved = resolvePruneOption(option).forFile("model");
  if (resolved === null) throw new Error("left dense");
  return resolved;
};

const errorOf = (option: unknown): PruneError => {
  try {
    resolvePruneOption(option);
  } catch (error) {
    if (error instanceof PruneError) return error;
    throw error;
  }
  throw new Error("was accepted");
};

describe("the forms of the prune option", () => {
  it("true takes every default", () => {
    expect(resolve(true)).toEqual({
      method: "sparsegpt",
      reconstruct: "obs",
      parameters: {},
      sequential: null,
      target: "weights",
      repair: ["least-squares"],
      damping: 0.01,
      blockSize: 128,
      pattern: { kind: "unstructured", sparsity: 0.5, scope: null },
      coefficients: { kind: "auto" },
      include: [],
      exclude: [],
      calibration: { source: { kind: "built-in" }, count: 32, length: 512, bos: false, id: null, memory: null },
      passes: null,
      cache: { kind: "host" },
      verify: false,
      encoding: "dense",
      compareBytes: false,
      signal: undefined,
      onReport: undefined,
    });
  });

  it("false leaves every session file dense", () => expect(resolvePruneOption(false).forFile("model")).toBeNull());

  it.each([
    [0.7, { kind: "unstructured", sparsity: 0.7, scope: null }],
    [0, { kind: "unstructured", sparsity: 0, scope: null }],
    ["50%", { kind: "unstructured", sparsity: 0.5, scope: null }],
    ["2:4", { kind: "n:m", keep: 2, of: 4, permute: false }],
    [{ pattern: "1:64" }, { kind: "n:m", keep: 1, of: 64, permute: false }],
    [
      { pattern: "2:4", permute: true },
      { kind: "n:m", keep: 2, of: 4, permute: true },
    ],
    [{ sparsity: "62.5%" }, { kind: "unstructured", sparsity: 0.625, scope: null }],
    [{ method: "ria" }, { kind: "unstructured", sparsity: 0.5, scope: null }],
    [
      { method: "ria", scope: "row" },
      { kind: "unstructured", sparsity: 0.5, scope: "row" },
    ],
  ])("%j asks for a pattern", (option, pattern) => expect(resolve(option).pattern).toEqual(pattern));

  it("takes a key set to undefined as absent", () => {
    expect(resolve({ method: undefined, sparsity: undefined, pattern: "2:4" })).toEqual(resolve("2:4"));
  });

  it.each([
    [true, { kind: "host" }],
    [false, { kind: "none" }],
    ["/tmp/pruned", { kind: "folder", path: "/tmp/pruned" }],
  ])("cache %j is %j", (cache, resolved) => expect(resolve({ cache }).cache).toEqual(resolved));
});

describe("a map by session file", () => {
  it("gives each named file its own options and leaves the others dense", () => {
    const option = resolvePruneOption({
      decoder_model_merged: "2:4",
      vision_encoder: { method: "ria" },
      encoder_model: false,
    });
    expect(option.namedFiles).toEqual(["decoder_model_merged", "vision_encoder", "encoder_model"]);
    expect(option.forFile("decoder_model_merged")?.pattern).toEqual({
      kind: "n:m",
      keep: 2,
      of: 4,
      permute: false,
    });
    expect(option.forFile("vision_encoder")?.method).toBe("ria");
    expect(option.forFile("encoder_model")).toBeNull();
    expect(option.forFile("embed_tokens")).toBeNull();
    expect(option.forFile("toString")).toBeNull();
  });

  it("takes a file of the user's own naming where the value is one that prune takes", () => {
    expect(resolvePruneOption({ smol: 0.5, "my-net": {} }).namedFiles).toEqual(["smol", "my-net"]);
  });

  it("names the file in errors about its options", () => {
    expect(errorOf({ model: { sparsity: 2 } }).message).toContain("prune.model.sparsity: expected");
    expect(errorOf({ model: 4 }).message).toContain("prune.model: expected");
    expect(errorOf({ model: { encoder_model: "2:4" } }).code).toBe("unknown-option");
  });
});

describe("unknown options", () => {
  it.each([
    [{ sparcity: 0.5 }, "sparsity"],
    [{ Method: "wanda" }, "method"],
    [{ method: "wanda", patern: "2:4" }, "pattern"],
    [{ calibraton: {} }, "calibration"],
    [{ texts: "Once upon a time" }, "calibration.texts"],
    [{ power: 0.5 }, "coefficients.power"],
    [{ calibration: { text: "Once" } }, "texts"],
    [{ coefficients: { windows: 0.5 } }, "window"],
    [{ coefficients: { byKinds: {} } }, "byKind"],
    [{ coefficients: { byKind: { gat: {} } } }, "gate"],
    [{ coefficients: { byKind: { q: { siz: 3 } } } }, "size"],
    [{ method: "wonda" }, "wanda"],
    [{ model: { methd: "ria" } }, "method"],
  ])("%j asks whether %s was meant", (option, meant) => {
    const error = errorOf(option);
    expect(error.code).toBe("unknown-option");
    expect(error.message).toContain(`did you mean "${meant}"?`);
    expect(error.details.nearest).toBe(meant);
  });

  it("lists every option that there is", () => {
    expect(errorOf({ method: "ria", temperature: 1 }).details.allowed).toEqual(PRUNE_OPTION_NAMES);
    expect(errorOf({ calibration: { temperature: 1 } }).details.allowed).toEqual(CALIBRATION_OPTION_NAMES);
    expect(errorOf({ temperature: 7 }).message).toBe(
      'prune has no option "temperature". Options: preset, method, reconstruct, sequential, target, repair, damping, blockSize, ' +
        "sparsity, scope, pattern, permute, coefficients, include, exclude, calibration, passes, verify, encoding, compareBytes, cache, signal, onReport",
    );
  });

  it("says how to combine options and session files", () => {
    expect(errorOf({ method: "ria", encoder_model: false }).message).toContain("{ encoder_model: { method: … } }");
  });

  it("refuses keys that every object inherits", () => {
    expect(errorOf({ method: "constructor" }).code).toBe("unknown-option");
    expect(errorOf(JSON.parse('{"method":"ria","__proto__":{"sparsity":0.9}}')).code).toBe("unknown-option");
  });
});

/** Names options as a command line may. */
const flags = (text: string): Label => ({ text, of: (key) => flags(`--${key}`) });

describe("values that are not allowed", () => {
  it.each([
    [
      1,
      'prune: expected a sparsity from 0 up to but not including 1, or a percentage such as "50%", received 1; that would set every weight to zero',
    ],
    [50, 'received 50; for 50 percent write 0.5 or "50%"'],
    [-0.1, "received -0.1"],
    [Number.NaN, "received NaN"],
    ["100%", "that would set every weight to zero"],
    ["0.5", 'received "0.5"'],
    ["wanda", 'for a method write { method: "wanda" }'],
    [null, "received null"],
    [["2:4"], "received an array of 1"],
    [new Map([["sparsity", 0.9]]), "received a Map"],
    [{ sparsity: "0.5" }, "write it as a number: 0.5"],
    [{ sparsity: "2:4" }, 'for a pattern write pattern: "2:4"'],
    ["4:2", "1 ≤ N < M ≤ 64"],
    ["0:4", "1 ≤ N < M ≤ 64"],
    ["4:4", "1 ≤ N < M ≤ 64"],
    ["32:65", "1 ≤ N < M ≤ 64"],
    [{ pattern: "50%" }, 'for a share write sparsity: "50%"'],
    [{ pattern: "2:4", sparsity: 0.5 }, "prune.sparsity and prune.pattern exclude each other"],
    [{ pattern: "2:4", scope: "row" }, "prune.scope is for a sparsity"],
    [{ pattern: "2:4", permute: 1 }, "prune.permute: expected true or false, received 1"],
    [{ permute: true }, "prune.permute is for prune.pattern, which is not given"],
    [{ sparsity: 0.5, permute: false }, "give a pattern or leave it out"],
    [{ scope: "layer" }, 'expected "row" or "matrix"'],
    [{ passes: 0 }, "a whole number from 1 to 10"],
    [{ passes: 1.5 }, "a whole number from 1 to 10"],
    [{ cache: "" }, "true, false or the path of a folder"],
    [{ signal: new AbortController() }, "pass the signal"],
    [{ onReport: "print" }, "expected a function"],
    [{ calibration: "wikitext" }, "expected an object"],
    [{ calibration: { texts: "a", tokens: [[1]] } }, "several sources"],
    [{ calibration: { tokens: [[1, -1]] } }, "prune.calibration.tokens.0.1"],
    [{ calibration: { feeds: 3 } }, "iterable"],
    [{ calibration: { run: () => 0, length: 9 } }, "prune.calibration.length says how text is cut"],
    [{ calibration: { length: 1 } }, "a whole number from 2"],
    [{ calibration: { bos: 1 } }, "true or false"],
    [{ calibration: { feeds: [{}], id: " " } }, "prune.calibration.id: expected a text that is not blank"],
    [{ calibration: { texts: "a", id: "novel" } }, "prune.calibration.id names samples given as"],
    [{ calibration: { tokens: [[1]], id: "ids" } }, "known by their content"],
    [{ calibration: { id: "default" } }, "leave it out"],
  ])("%j: %s", (option, part) => {
    const error = errorOf(option);
    expect(error.code).toBe("bad-option");
    expect(error.message).toContain(part);
  });

  it.each([
    ["feeds", [{}]],
    ["run", () => 0],
  ])("refuses to verify on text where calibration is by %s, whatever the method", (kind, samples) => {
    const calibration = { [kind]: samples };
    expect(errorOf({ verify: true, calibration })).toMatchObject({
      code: "bad-option",
      message:
        `prune.verify compares perplexities of text, but calibration is by prune.calibration.${kind}; ` +
        "give prune.calibration.texts or prune.calibration.tokens instead, or leave verify out",
      details: { option: "prune.verify" },
    });
    expect(errorOf({ decoder_model: { method: "magnitude", verify: true, calibration } }).code).toBe("bad-option");
    expect(() => resolvePruneOption({ verify: true, calibration }, flags("options"))).toThrow(/^--verify compares/);
    expect(resolve({ verify: false, calibration }).verify).toBe(false);
    expect(resolve({ verify: true, calibration: { tokens: [[1, 2]] } }).verify).toBe(true);
  });

  it("refuses a second pass over samples that can be read only once", () => {
    const stream = (function* () {
      yield {};
    })();
    expect(errorOf({ passes: 2, calibration: { feeds: stream } }).message).toContain("can be read only once");
    expect(resolve({ passes: 2, calibration: { feeds: [{}] } }).passes).toBe(2);
  });
});

describe("calibration", () => {
  it("joins several texts by a blank line", () => {
    expect(resolve({ calibration: { texts: ["one", "two"], count: 4, length: 16, bos: true } }).calibration).toEqual({
      source: { kind: "texts", text: "one\n\ntwo" },
      count: 4,
      length: 16,
      bos: true,
      id: null,
      memory: null,
    });
  });

  it("may give samples without content a name", () => {
    expect(resolve({ calibration: { feeds: [{}], id: "images-2" } }).calibration.id).toBe("images-2");
    expect(resolve({ calibration: { run: () => 0, id: "speech" } }).calibration.id).toBe("speech");
  });

  it("takes a bound of memory as bytes or with a unit", () => {
    const memoryOf = (memory: unknown) => resolve({ calibration: { memory } }).calibration.memory;
    expect([1e9, "800MB", "1.5 GB"].map(memoryOf)).toEqual([1e9, 8e8, 1.5e9]);
    for (const memory of ["1", "1GiB", "0.1GB", 4096, Number.NaN, null])
      expect(errorOf({ calibration: { memory } })).toMatchObject({
        code: "bad-option",
        message: expect.stringContaining("prune.calibration.memory: expected bytes from 400000000, as a number or as"),
      });
  });

  it.each([
    [{ calibration: { memory: "1GB", run: () => 0 } }, "prune.calibration.run is given the whole of it"],
    [{ calibration: { memory: "1GB" }, verify: true }, "prune.verify opens the whole model"],
  ])("refuses a bound of memory where the whole model is opened: %j", (options, message) => {
    expect(errorOf(options)).toMatchObject({ code: "bad-option", message: expect.stringContaining(message) });
  });

  it.each([{ texts: [] }, { texts: " \n" }, { tokens: [] }, { tokens: [[1], []] }, { feeds: [] }])(
    "without samples is refused: %j",
    (calibration) => {
      const error = errorOf({ calibration });
      expect(error.code).toBe("bad-calibration");
      expect(error.message).toMatch(/; (give|leave)/);
    },
  );
});

describe("coefficients", () => {
  const source = (coefficients: unknown): CoefficientSource => resolve({ coefficients }).coefficients;

  it("keep the method's defaults where they name nothing", () => {
    expect(source({ row: 0.25, size: 7 })).toEqual({
      kind: "values",
      values: { all: { row: 0.25, column: 0.54, window: 0.46, size: 7, power: 0.8, shape: 0 } },
    });
  });

  it("by kind and by depth take what they leave out from the numbers beside them", () => {
    const all = { row: 0.25, column: 0.54, window: 0.46, size: 7, power: 0.8, shape: 0 };
    expect(source({ row: 0.25, size: 7, byKind: { q: { power: 1 }, down: { size: 3, row: 0 } } })).toEqual({
      kind: "values",
      values: { all, byKind: { q: { ...all, power: 1 }, down: { ...all, size: 3, row: 0 } } },
    });
    expect(source({ row: 0.25, size: 7, byDepth: [{}, { power: 1 }] })).toEqual({
      kind: "values",
      values: { all, byDepth: [all, { ...all, power: 1 }] },
    });
  });

  it("may be JSON text, a word, or a place", () => {
    const all = { row: 0.35, column: 0.35, window: 0.3, size: 7, power: 0.5, shape: 0.5 };
    const byDepth = [all];
    expect(source(JSON.stringify({ ...all, byDepth }))).toEqual({ kind: "values", values: { all, byDepth } });
    expect(source("default")).toEqual({ kind: "default" });
    expect(source("./best.json")).toEqual({ kind: "file", location: "./best.json" });
  });

  it.each([
    [{ coefficients: { size: 8 } }, "an odd whole number from 1 to 63"],
    [{ coefficients: { size: 7.5 } }, "an odd whole number"],
    [{ coefficients: { power: Number.POSITIVE_INFINITY } }, "a number from 0 to 2"],
    [{ coefficients: { row: "0.5" } }, 'received "0.5"'],
    [{ coefficients: { row: 0, column: 0, window: 0 } }, "all scores would be equal"],
    [{ coefficients: { byKind: {} } }, "prune.coefficients.byKind: expected an object by kind of weight"],
    [{ coefficients: { byKind: { q: 1 } } }, "prune.coefficients.byKind.q: expected an object of numbers"],
    [{ coefficients: { byKind: { q: { size: 8 } } } }, "prune.coefficients.byKind.q.size: expected an odd"],
    [{ coefficients: { row: 0, column: 0, byKind: { q: { window: 0 } } } }, "prune.coefficients.byKind.q: every term"],
    [{ coefficients: { byDepth: [] } }, "an array of 1 to 128 objects"],
    [{ coefficients: { byDepth: [{ row: 2 }] } }, "prune.coefficients.byDepth.0.row: expected a number from 0 to 1"],
    [
      { coefficients: { byKind: { q: {} }, byDepth: [{}] } },
      "byKind and prune.coefficients.byDepth exclude each other",
    ],
    [{ coefficients: '{"row":' }, "expected a JSON object"],
    [{ coefficients: 7 }, '"auto", "default"'],
    [{ method: "wanda", coefficients: {} }, 'method "wanda" has no coefficients'],
    [{ method: "wanda", coefficients: "best.json" }, 'method "wanda" has no coefficients'],
  ])("%j is refused: %s", (option, part) => {
    const error = errorOf(option);
    expect(error.code).toBe("bad-option");
    expect(error.message).toContain(part);
  });
});
