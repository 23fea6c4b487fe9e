/**
 * The browser bundles as they are published: what they import, what they take for granted and how much a
 * page has to load. Runs after `npm run build` (which `npm test` does first).
 */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import {
  gzipBytes,
  nameOf,
  PARTS_OF_DEVICE,
  PARTS_OF_PRUNE,
  PARTS_OF_WAY,
  SAMPLE_TEXT,
  WebBundle,
} from "../helpers/web-bundle.js";

/** Packages that the page brings itself. */
const HOST = ["@huggingface/transformers", "onnxruntime-web/webgpu"];
/** What may come later, by the name of its source. */
const LAZY: readonly string[] = [
  ...PARTS_OF_PRUNE,
  ...Object.values(PARTS_OF_WAY).flat(),
  ...Object.values(PARTS_OF_DEVICE).flat(),
  SAMPLE_TEXT,
  ...["collect-in-parts", "default-run", "mask-by-run", "verify-masks"],
  ...["admm", "dsnot", "feed-forward-update", "merge-edits", "norm", "norms", "swaps", "update-by-run"],
  ...["packed", "pack-weights", "compare-bytes"],
  ...["evaluate-model", "prune-to-files", "read-weight"],
];
/** Compressed bytes of what a page loads before anything is asked for. */
const MOST_OF_ENTRY = 30_000;
/** With what any prune takes. */
const MOST_OF_PRUNE = 60_000;
/** With the way to prune, the device that computes masks of scores and our own calibration text, too. */
const MOST_IN_ALL = 120_000;

/** Compressed sizes, for the message of a test that fails. */
const sizes = (paths: readonly string[]): string =>
  `gzip bytes: ${gzipBytes(...paths)} (${paths.map((path) => `${nameOf(path)} ${gzipBytes(path)}`).join(", ")})`;

describe.each(["web.js", "onnx.web.js"] as const)("dist/%s", (entry) => {
  let bundle: WebBundle;
  beforeAll(async () => {
    bundle = await WebBundle.read(entry);
  });

  it("imports its own chunks by relative paths and the host by name, and nothing else", () => {
    const kinds = ["import-statement", "dynamic-import"] as const;
    const foreign = kinds.flatMap((kind) => bundle.imported(kind)).filter(({ external }) => external);
    expect(foreign.map(({ path }) => path).filter((path) => !HOST.includes(path))).toEqual([]);
    expect(bundle.imported("require-call")).toEqual([]);
    for (const path of bundle.paths) expect(path).toMatch(/^dist\//);
  });

  it("takes no global of Node's for granted", () => {
    for (const path of bundle.paths) {
      const code = readFileSync(path, "utf8");
      const uses = code.matchAll(/.{0,40}(?<![.\w$"'`])(?:process|Buffer|global|__dirname|__filename)\s*[.[(].{0,40}/g);
      const unguarded = [...uses].map(([text]) => text).filter((text) => !/typeof global/.test(text));
      expect(unguarded, path).toEqual([]);
    }
  });

  it(`loads at most ${MOST_OF_ENTRY / 1000} kB, compressed, before anything is asked for`, () => {
    const loaded = bundle.loadedWith([]);
    expect(gzipBytes(...loaded), sizes(loaded)).toBeLessThanOrEqual(MOST_OF_ENTRY);
  });

  it("leaves to later only what is named here, and leaves it", () => {
    expect(bundle.lazyParts.filter((part) => !LAZY.includes(part))).toEqual([]);
    const loaded = bundle.loadedWith([]).map(nameOf);
    expect(loaded.filter((part) => LAZY.includes(part))).toEqual([]);
  });
});

describe("a page that prunes", () => {
  let bundle: WebBundle;
  beforeAll(async () => {
    bundle = await WebBundle.read("web.js");
  });

  it(`loads at most ${MOST_OF_PRUNE / 1000} kB, compressed, beside the way to prune, the device and samples`, () => {
    const loaded = bundle.loadedWith(PARTS_OF_PRUNE);
    expect(gzipBytes(...loaded), sizes(loaded)).toBeLessThanOrEqual(MOST_OF_PRUNE);
  });

  it.each(Object.entries(PARTS_OF_DEVICE))(
    `loads at most ${MOST_IN_ALL / 1000} kB, compressed, by scores on %s and with our own text`,
    (_, parts) => {
      const loaded = bundle.loadedWith([...PARTS_OF_PRUNE, ...PARTS_OF_WAY.scores, ...parts, SAMPLE_TEXT]);
      expect(gzipBytes(...loaded), sizes(loaded)).toBeLessThanOrEqual(MOST_IN_ALL);
    },
  );

  it(`loads at most ${MOST_IN_ALL / 1000} kB, compressed, by default and with our own text`, () => {
    const loaded = bundle.loadedWith([...PARTS_OF_PRUNE, ...PARTS_OF_WAY.updates, SAMPLE_TEXT]);
    expect(gzipBytes(...loaded), sizes(loaded)).toBeLessThanOrEqual(MOST_IN_ALL);
  });
});
