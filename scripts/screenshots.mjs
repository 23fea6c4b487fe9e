/**
 * The pictures of the example page in docs/images, in light and in dark: `npm run screenshots`, which builds the
 * library first. Chromium and a software GPU as in the tests.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright";
import { build, preview } from "vite";
import { launchOptions } from "./chromium.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const configFile = join(root, "examples/browser/vite.config.ts");
/** @type {readonly ("light" | "dark")[]} */
const SCHEMES = ["light", "dark"];
/** Parts of the page that make a picture each, besides the first screen of it. */
const PARTS = /** @type {const} */ ([
  ["texts", "section:has(#texts-heading)"],
  ["chart", "section:has(#chart-heading)"],
  ["mask", "section:has(#mask-heading)"],
]);
/** Bytes of a picture, at most: it is fetched with the README. */
const MOST_BYTES = 150_000;

const outDir = mkdtempSync(join(tmpdir(), "transformers-prune-screenshots-"));
await build({ configFile, logLevel: "warn", build: { outDir, emptyOutDir: true } });
const server = await preview({ configFile, build: { outDir }, preview: { port: 0, host: "127.0.0.1" } });
const browser = await chromium.launch(launchOptions());
try {
  const page = await browser.newPage({ viewport: { width: 1000, height: 820 } });
  page.setDefaultTimeout(300_000);
  const hears = (/** @type {RegExp} */ sentence) => page.locator("#status", { hasText: sentence }).waitFor();
  await page.goto(server.resolvedUrls?.local[0] ?? "");
  await hears(/^Choose a model/);
  await page.getByRole("button", { name: "Prune", exact: true }).click();
  await hears(/^Pruned in/);
  await page.getByRole("button", { name: "Measure perplexity" }).click();
  await hears(/^Perplexity/);
  await page.getByRole("button", { name: "Generate" }).click();
  await hears(/^Both sides/);
  for (const colorScheme of SCHEMES) {
    await page.emulateMedia({ colorScheme });
    const pathOf = (/** @type {string} */ name) => join(root, `docs/images/browser-${name}-${colorScheme}.png`);
    await page.evaluate(() => scrollTo(0, 0));
    await page.screenshot({ path: pathOf("page") });
    for (const [name, selector] of PARTS) await page.locator(selector).screenshot({ path: pathOf(name) });
    for (const name of ["page", ...PARTS.map(([name]) => name)]) {
      const { size } = statSync(pathOf(name));
      console.log(`${pathOf(name)}: ${size} bytes`);
      if (size > MOST_BYTES) throw new Error(`${pathOf(name)} has ${size} bytes, more than ${MOST_BYTES}`);
    }
  }
} finally {
  await browser.close();
  await server.close();
  rmSync(outDir, { recursive: true, force: true });
}
