/**
 * The browser bundles as they are published: what they import, what they take for granted and how much a
 * page has to load. Runs after `npm run build` (which `npm test` does first).
 */
import { readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { build, type ImportKind, type Metafile } from "esbuild";
import { beforeAll, describe, expect, it } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
/** Packages that the page brings itself. */
const HOST = ["@huggingface/transformers", "onnxruntime-web/webgpu"];
/** What may come later, by the name of its source. */
const LAZY = ["kernel.wasm", "sample-text"];
const MOST_GZIP_BYTES = 60_000;

describe.each(["web.js", "onnx.web.js"])("dist/%s", (entry) => {
  let inputs: Metafile["inputs"];
  beforeAll(async () => {
    const { metafile } = await build({
      absWorkingDir: ROOT,
      entryPoints: [`dist/${entry}`],
      bundle: true,
      write: false,
      metafile: true,
      platform: "browser",
      format: "esm",
      packages: "external",
    });
    inputs = metafile.inputs;
  });

  /** Files that are loaded when the entry is. */
  function closure(): string[] {
    const reached = new Set([`dist/${entry}`]);
    for (const path of reached)
      for (const each of inputs[path]?.imports ?? [])
        if (each.kind === "import-statement" && !each.external) reached.add(each.path);
    return [...reached];
  }

  const imported = (kind: ImportKind) =>
    Object.values(inputs).flatMap(({ imports }) => imports.filter((each) => each.kind === kind));

  it("imports its own chunks by relative paths and the host by name, and nothing else", () => {
    const foreign = Object.values(inputs).flatMap(({ imports }) => imports.filter(({ external }) => external));
    expect(foreign.map(({ path }) => path).filter((path) => !HOST.includes(path))).toEqual([]);
    expect(imported("require-call")).toEqual([]);
    for (const path of Object.keys(inputs)) expect(path).toMatch(/^dist\//);
  });

  it("takes no global of Node's for granted", () => {
    for (const path of Object.keys(inputs)) {
      const code = readFileSync(resolve(ROOT, path), "utf8");
      const uses = code.matchAll(/.{0,40}(?<![.\w$"'`])(?:process|Buffer|global|__dirname|__filename)\s*[.[(].{0,40}/g);
      const unguarded = [...uses].map(([text]) => text).filter((text) => !/typeof global/.test(text));
      expect(unguarded, path).toEqual([]);
    }
  });

  it(`loads at most ${MOST_GZIP_BYTES / 1000} kB, compressed, before anything is asked for`, () => {
    const sizes = closure().map((path) => ({ path, gzip: gzipSync(readFileSync(resolve(ROOT, path))).length }));
    const total = sizes.reduce((sum, { gzip }) => sum + gzip, 0);
    const listed = sizes.map(({ path, gzip }) => `${basename(path)} ${gzip}`).join(", ");
    expect(total, `gzip bytes: ${total} (${listed})`).toBeLessThanOrEqual(MOST_GZIP_BYTES);
  });

  it("leaves to later only what is named here", () => {
    const lazy = imported("dynamic-import").filter(({ external }) => !external);
    const names = lazy.map(({ path }) => basename(path).replace(/-[A-Z0-9]{8}\.js$/, ""));
    expect(names.filter((name) => !LAZY.includes(name))).toEqual([]);
    for (const { path } of lazy) expect(closure()).not.toContain(path);
  });
});
