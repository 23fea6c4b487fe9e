/** `transformers-prune/onnx` in a page without a bundler, as it is published. Runs after `npm run build`. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { chromium } from "playwright";
import { expect, it } from "vitest";
import { launchOptions } from "../../scripts/chromium.mjs";
import { openModel } from "../../src/onnx/index.js";

const ROOT = resolve(import.meta.dirname, "../..");
const ADDRESS = "https://localhost/";
const MODEL = "test/fixtures/tiny-bert/onnx/model.onnx";
const TYPES = { js: "text/javascript", onnx: "application/octet-stream" };

it("opens a model from a Blob by what the package's exports name for browsers", async () => {
  const { exports } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const browser = await chromium.launch(launchOptions());
  try {
    const page = await browser.newPage();
    await page.route(`${ADDRESS}**`, (route) => {
      const path = new URL(route.request().url()).pathname;
      const type = TYPES[path.slice(path.lastIndexOf(".") + 1) as keyof typeof TYPES];
      return type === undefined
        ? route.fulfill({ contentType: "text/html", body: "" })
        : route.fulfill({ contentType: type, body: readFileSync(join(ROOT, path)) });
    });
    await page.goto(ADDRESS);
    // As text, because vitest would turn the import into one of its own.
    const found = await page.evaluate(`(async () => {
      const { openModel } = await import("${new URL(exports["./onnx"].browser.default, ADDRESS)}");
      const response = await fetch("/${MODEL}");
      const { graph, topologyBytes } = await openModel(await response.blob());
      return { nodes: graph.nodes.length, initializers: graph.initializers.length, topologyBytes };
    })()`);
    const { graph, topologyBytes } = await openModel(join(ROOT, MODEL));
    const { nodes, initializers } = graph;
    expect(found).toEqual({ nodes: nodes.length, initializers: initializers.length, topologyBytes });
  } finally {
    await browser.close();
  }
});
