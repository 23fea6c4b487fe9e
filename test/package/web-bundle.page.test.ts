/**
 * The published package in a page without a bundler: an import map names the host, a module script does the
 * rest. What the page then fetches of dist/ is what the limits are on (web-bundle.test.ts). Runs after `npm run build`.
 */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Browser, chromium, type Page } from "playwright";
import { afterAll, beforeAll, expect, it } from "vitest";
import { launchOptions } from "../../scripts/chromium.mjs";
import { PARTS_OF_DEVICE, PARTS_OF_PRUNE, PARTS_OF_WAY, SAMPLE_TEXT, WebBundle } from "../helpers/web-bundle.js";

const ROOT = resolve(import.meta.dirname, "../..");
const ADDRESS = "https://localhost/";
const IMPORTS = {
  "transformers-prune": "/dist/web.js",
  "@huggingface/transformers": "/node_modules/@huggingface/transformers/dist/transformers.web.js",
  "onnxruntime-web/webgpu": "/node_modules/onnxruntime-web/dist/ort.webgpu.bundle.min.mjs",
  "onnxruntime-common": "/node_modules/onnxruntime-common/dist/esm/index.js",
};
const PAGE = `<!doctype html><script type="importmap">${JSON.stringify({ imports: IMPORTS })}</script>`;
const TYPES: Readonly<Record<string, string>> = {
  js: "text/javascript",
  mjs: "text/javascript",
  wasm: "application/wasm",
};

let browser: Browser;
beforeAll(async () => {
  browser = await chromium.launch(launchOptions());
});
afterAll(() => browser?.close());

/** A page to which this repository is served, and the files of dist/ that it has fetched. */
async function openPage(): Promise<{ page: Page; fetched: string[] }> {
  const page = await browser.newPage();
  const fetched: string[] = [];
  await page.route(`${ADDRESS}**`, (route) => {
    const path = new URL(route.request().url()).pathname.slice(1);
    if (path === "") return route.fulfill({ contentType: "text/html", body: PAGE });
    if (path.startsWith("dist/")) fetched.push(path);
    const file = join(ROOT, path);
    if (!existsSync(file)) return route.fulfill({ status: 404 });
    const contentType = TYPES[path.slice(path.lastIndexOf(".") + 1)] ?? "application/octet-stream";
    return route.fulfill({ contentType, body: readFileSync(file) });
  });
  await page.goto(ADDRESS);
  return { page, fetched };
}

const BY_SCORES = [...PARTS_OF_PRUNE, ...PARTS_OF_WAY.scores, SAMPLE_TEXT];

it.each([
  { way: "by default", method: {}, runsOn: "wasm", parts: [...PARTS_OF_PRUNE, ...PARTS_OF_WAY.updates, SAMPLE_TEXT] },
  { way: "by scores", method: { method: "crepe" }, runsOn: "wasm", parts: [...BY_SCORES, ...PARTS_OF_DEVICE.cpu] },
  { way: "by scores", method: { method: "crepe" }, runsOn: "webgpu", parts: [...BY_SCORES, ...PARTS_OF_DEVICE.webgpu] },
] as const)("prunes $way on $runsOn, and loads what is said of it and no more", async ({ method, runsOn, parts }) => {
  const bundle = await WebBundle.read("web.js");
  const { page, fetched } = await openPage();
  // As text, because vitest would turn the imports into some of its own.
  await page.evaluate(`import("transformers-prune")`);
  expect(fetched.sort()).toEqual(bundle.loadedWith([]).sort());
  const reports = await page.evaluate(`(async () => {
    const { env } = await import("@huggingface/transformers");
    const { pipeline } = await import("transformers-prune");
    Object.assign(env, { allowRemoteModels: false, allowLocalModels: true, localModelPath: "/models/" });
    env.backends.onnx.wasm.wasmPaths = "/node_modules/onnxruntime-web/dist/";
    const reports = [];
    const prune = { pattern: "2:4", ...${JSON.stringify(method)}, calibration: { count: 2, length: 64 }, onReport: (report) => reports.push(report) };
    await pipeline("text-generation", "austen-1.4m", { dtype: "fp32", device: "${runsOn}", prune });
    return reports;
  })()`);
  expect(reports).toMatchObject([{ zeros: 589_824, notes: [] }]);
  expect(fetched.sort()).toEqual(bundle.loadedWith(parts).sort());
});
