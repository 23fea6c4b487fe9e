import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openModel } from "../../src/onnx/index.js";
import { openPlan, planKey, sourceHashes } from "../../src/prune/index.js";
import { sourceHasher } from "../../src/store/folders.js";
import { bytesOf, external, float32, modelBytes, node, value } from "../helpers/model.js";
import { folderWithModel, languageModel, resolved } from "./tiny.js";

let place: Awaited<ReturnType<typeof folderWithModel>>;
beforeAll(async () => {
  place = await folderWithModel();
});
afterAll(() => place.remove());

async function keyOf(option: object, { path = place.path, name = "model" } = {}): Promise<string | null> {
  const plan = await openPlan({ input: path, name }, resolved(option));
  const key = await planKey(plan, sourceHasher(null));
  await plan.model.onnx.close();
  return key?.key ?? null;
}

const coefficients = { row: 0.35, column: 0.35, window: 0.3, size: 7, power: 0.5, shape: 0 };
const texts = "It was a dark night.";
const BASE = { method: "crepe", sparsity: 0.5, coefficients, calibration: { texts, count: 4, length: 16 } };

describe("the key of a pruned file", () => {
  it.each<[string, object]>([
    ["the method", { method: "wanda", coefficients: undefined }],
    ["the sparsity", { sparsity: 0.6 }],
    ["the sparsity in a place that nobody prints", { sparsity: 0.5000001 }],
    ["the scope", { scope: "matrix" }],
    ["the pattern", { sparsity: undefined, pattern: "2:4" }],
    ["its groups", { sparsity: undefined, pattern: "2:4", permute: true }],
    ["another pattern of the same sparsity", { sparsity: undefined, pattern: "4:8" }],
    ...Object.entries({ row: 0.4, column: 0.4, window: 0.4, size: 9, power: 0.6, shape: 1 }).map(
      ([name, changed]): [string, object] => [
        `coefficient ${name}`,
        { coefficients: { ...coefficients, [name]: changed } },
      ],
    ),
    ["coefficients of a kind of weight", { coefficients: { ...coefficients, byKind: { fc: { power: 0.6 } } } }],
    ["coefficients of a depth", { coefficients: { ...coefficients, byDepth: [{ power: 0.6 }] } }],
    ["untuned coefficients instead", { coefficients: "default" }],
    ["include", { include: "*.fc1" }],
    ["exclude", { exclude: "*.fc1" }],
    ["the passes", { passes: 2 }],
    ["the text", { calibration: { texts: "It was a dark night!", count: 4, length: 16 } }],
    ["the built-in text instead", { calibration: { count: 4, length: 16 } }],
    ["the number of samples", { calibration: { texts, count: 5, length: 16 } }],
    ["their length", { calibration: { texts, count: 4, length: 17 } }],
    ["BOS", { calibration: { texts, count: 4, length: 16, bos: true } }],
    ["token ids", { calibration: { tokens: [[1, 2]] } }],
    ["the name of feeds", { calibration: { feeds: [{}], id: "a" } }],
  ])("changes with %s", async (_, change) => {
    const changed = await keyOf({ ...BASE, ...change });
    expect(changed).toMatch(/^[0-9a-f]{64}$/);
    expect(changed).not.toBe(await keyOf(BASE));
  });

  it("changes with the cut of token ids, and with the name that samples are given", async () => {
    const ofTokens = (...tokens: number[][]) => keyOf({ calibration: { tokens } });
    expect(new Set([await ofTokens([1, 2], [3]), await ofTokens([1], [2, 3]), await ofTokens([1, 23])]).size).toBe(3);
    const named = (id: string) => keyOf({ calibration: { run: () => 0, id } });
    expect(await named("a")).not.toBe(await named("b"));
    expect(await named("a")).toBe(await named("a"));
  });

  it("changes with one byte of the model and with the session file's name", async () => {
    const bytes = modelBytes(languageModel());
    bytes[bytes.length - 200] = (bytes[bytes.length - 200] ?? 0) ^ 1;
    await mkdir(join(place.folder, "edited"), { recursive: true });
    await writeFile(join(place.folder, "edited", "model.onnx"), bytes);
    expect(await keyOf(BASE, { path: join(place.folder, "edited", "model.onnx") })).not.toBe(await keyOf(BASE));
    expect(await keyOf(BASE, { name: "decoder_model" })).not.toBe(await keyOf(BASE));
  });

  it("changes with one byte of external data", async () => {
    const folder = join(place.folder, "external");
    await mkdir(folder, { recursive: true });
    const values = Float32Array.from({ length: 64 }, (_, k) => k);
    await writeFile(
      join(folder, "model.onnx"),
      modelBytes({
        inputs: [value("x", [1, 8])],
        nodes: [node("MatMul", ["x", "w"], ["y"])],
        initializers: [external(float32("w", [8, 8], values), "model.onnx_data")],
        outputs: [value("y", [1, 8])],
      }),
    );
    const keyWith = async (first: number) => {
      await writeFile(
        join(folder, "model.onnx_data"),
        bytesOf(Float32Array.from(values, (x, k) => (k === 0 ? first : x))),
      );
      return keyOf(BASE, { path: join(folder, "model.onnx") });
    };
    expect(await keyWith(1)).not.toBe(await keyWith(2));
    expect(await keyWith(1)).toBe(await keyWith(1));
  });

  it("changes with one byte of external data, whatever the model calls its file", async () => {
    const bytes = modelBytes({
      inputs: [value("x", [1, 8])],
      nodes: [node("MatMul", ["x", "w"], ["y"])],
      initializers: [external(float32("w", [8, 8], new Float32Array(64)), "__proto__")],
      outputs: [value("y", [1, 8])],
    });
    const hashesWith = async (first: number) => {
      const data = new Uint8Array(256).fill(first, 0, 1);
      return sourceHashes(await openModel(bytes, { externalData: [{ path: "__proto__", data }] }), sourceHasher(null));
    };
    expect(Object.keys(await hashesWith(1))).toEqual(["model", "__proto__"]);
    expect(JSON.stringify(await hashesWith(1))).not.toBe(JSON.stringify(await hashesWith(2)));
  });

  it("is the same wherever the file lies, and whoever listens or keeps it", async () => {
    const elsewhere = join(place.folder, "elsewhere", "model.onnx");
    await mkdir(join(place.folder, "elsewhere"));
    await copyFile(place.path, elsewhere);
    const same = { signal: new AbortController().signal, onReport: () => {}, cache: false, passes: 1 };
    expect(await keyOf({ ...BASE, ...same }, { path: elsewhere })).toBe(await keyOf(BASE));
    expect(await keyOf({ sparsity: "50%" })).toBe(await keyOf({ sparsity: 0.5 }));
  });

  it("of a method without calibration does not depend on it", async () => {
    const magnitude = { method: "magnitude", sparsity: 0.5 };
    const calibrated = { ...magnitude, passes: 2, calibration: { run: () => 0 } };
    expect(await keyOf(calibrated)).toBe(await keyOf(magnitude));
  });

  it("of a method without calibration depends on the text where it is verified on it", async () => {
    const verified = (text: string) =>
      keyOf({ method: "magnitude", sparsity: 0.5, verify: true, calibration: { texts: text } });
    expect(await verified(texts)).toBe(await verified(texts));
    expect(await verified(texts)).not.toBe(await verified(`${texts} Not a sound.`));
  });

  it("is none where calibration is code or a stream without a name", async () => {
    expect(await keyOf({ calibration: { run: () => 0 } })).toBeNull();
    expect(await keyOf({ calibration: { feeds: [{}] } })).toBeNull();
  });
});

it("comes with what it was made from, as plain data", async () => {
  const plan = await openPlan({ input: place.path, name: "model" }, resolved(BASE));
  const key = await planKey(plan, sourceHasher(null));
  expect(key?.source).toEqual({ "model.onnx": expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect(JSON.parse(JSON.stringify(key?.options))).toEqual({
    method: "crepe",
    reconstruct: null,
    sequential: null,
    target: "weights",
    repair: [],
    pattern: { kind: "unstructured", sparsity: 0.5, scope: "row" },
    coefficients,
    include: [],
    exclude: [],
    passes: 1,
    calibration: { text: expect.stringMatching(/^[0-9a-f]{64}$/), count: 4, length: 16, bos: false },
  });
  await plan.model.onnx.close();
});

describe("the key of a file whose weights move", () => {
  const best = { preset: "best", repair: ["least-squares", "bias"], sparsity: 0.5, calibration: { texts } };

  it("is another for each of its options", async () => {
    const changes: Readonly<Record<string, object>> = {
      nothing: {},
      "the preset": { preset: "fast" },
      "the method": { method: "wanda" },
      "the reconstruction": { reconstruct: "admm" },
      "one with numbers": { reconstruct: "sparsellm" },
      "its numbers": { reconstruct: { name: "sparsellm", steps: 2 } },
      "a walk in groups": { sequential: { groups: 1 } },
      "their number": { sequential: { groups: 2 } },
      "no walk at all": { sequential: false },
      "what layers are held to": { target: "weights" },
      "the repairs": { repair: ["least-squares"] },
      "other repairs": { repair: ["least-squares", "scale"] },
      "no repairs": { repair: false },
      "the damping": { damping: 0.011 },
      "the size of blocks": { blockSize: 127 },
      "the text": { calibration: { texts: `${texts} Not a sound.` } },
    };
    const names = new Map<string | null, string>();
    for (const [name, change] of Object.entries(changes)) {
      const key = await keyOf({ ...best, ...change });
      expect(key, name).toMatch(/^[0-9a-f]{64}$/);
      expect(names.get(key), name).toBeUndefined();
      names.set(key, name);
    }
  });

  it("is the same however it is written", async () => {
    const spelled = { method: "sparsegpt", reconstruct: "obs", sequential: true, target: "outputs" };
    const { preset: _, ...others } = best;
    expect(await keyOf({ ...others, ...spelled, damping: 0.01, blockSize: 128 })).toBe(await keyOf(best));
    const steps = (reconstruct: unknown) => keyOf({ ...best, reconstruct });
    expect(await steps({ name: "sparsellm", steps: 1 })).toBe(await steps("sparsellm"));
    expect(await keyOf({ ...best, repair: ["bias", "least-squares", "bias"] })).toBe(await keyOf(best));
  });

  it("does not change with what masks by scores do not look at", async () => {
    const wanda = { method: "wanda", sparsity: 0.5, calibration: { texts } };
    expect(await keyOf({ ...wanda, preset: "fast" })).toBe(await keyOf(wanda));
    expect(await keyOf({ ...wanda, repair: [], sequential: false })).toBe(await keyOf(wanda));
  });
});
