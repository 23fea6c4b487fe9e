/**
 * A page without a bundler: an import map and the files as they lie in `dist/` and `node_modules/`. What works here
 * works from any server or CDN that has the packages.
 */
import { createReadStream, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { type Browser, chromium } from "playwright";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launchOptions } from "../../scripts/chromium.mjs";
import { CALIBRATION, ROOT } from "./example-page.js";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

const IMPORTS = {
  "transformers-prune": "/dist/web.js",
  "@huggingface/transformers": "/node_modules/@huggingface/transformers/dist/transformers.web.js",
  "onnxruntime-web/webgpu": "/node_modules/onnxruntime-web/dist/ort.webgpu.bundle.min.mjs",
  "onnxruntime-common": "/node_modules/onnxruntime-common/dist/esm/index.js",
};

const PAGE = `<!doctype html>
<title>Import map</title>
<script type="importmap">${JSON.stringify({ imports: IMPORTS })}</script>
<script type="module">
  import { env } from "@huggingface/transformers";
  import { pipeline } from "transformers-prune";
  try {
    env.backends.onnx.wasm.wasmPaths = { wasm: "/node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify.wasm" };
    env.allowLocalModels = true;
    const reports = [];
    const generate = await pipeline("text-generation", "austen-1.4m", {
      dtype: "fp32",
      local_files_only: true,
      prune: {
        pattern: "2:4",
        calibration: { texts: ${JSON.stringify(CALIBRATION.texts.slice(0, 20_000))}, count: 4, length: 64 },
        onReport: (report) => reports.push(report),
      },
    });
    const [{ generated_text }] = await generate("It was a fine morning, and", { max_new_tokens: 8, do_sample: false });
    globalThis.result = { text: generated_text, zeros: reports[0].zeros, weights: reports[0].weights.length };
  } catch (error) {
    globalThis.result = { failure: String(error?.stack ?? error) };
  }
</script>`;

let server: Server;
let browser: Browser;
beforeAll(async () => {
  server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? "/", "http://localhost").pathname);
    const type = { "content-type": TYPES[extname(path)] ?? "application/octet-stream" };
    if (path === "/page.html") return response.writeHead(200, type).end(PAGE);
    const file = join(ROOT, path);
    const size = statSync(file, { throwIfNoEntry: false });
    if (!size?.isFile()) return response.writeHead(404).end();
    createReadStream(file).pipe(response.writeHead(200, { ...type, "content-length": size.size }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  browser = await chromium.launch(launchOptions());
});
afterAll(async () => {
  await browser?.close();
  server?.close();
});

test("a page with an import map prunes the embedded model and generates", { timeout: 240_000 }, async () => {
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const page = await browser.newPage();
  const outside: string[] = [];
  page.on("request", (request) => {
    if (/^https?:/.test(request.url()) && !request.url().startsWith(origin)) outside.push(request.url());
  });
  await page.goto(`${origin}/page.html`);
  const handle = await page.waitForFunction(() => (globalThis as { result?: object }).result, null, {
    timeout: 200_000,
  });
  const result = (await handle.jsonValue()) as { failure?: string; text?: string };
  expect(result.failure).toBeUndefined();
  expect(result).toMatchObject({ zeros: 589_824, weights: 42 });
  expect(result.text).toMatch(/^It was a fine morning, and\S* \w+/);
  expect(outside).toEqual([]);
});
