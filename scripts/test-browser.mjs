/**
 * `npm run test:browser`: the tests that run inside a page, *.browser.test.ts, and then those that drive one,
 * *.page.test.ts. Without a Chromium that has WebGPU it fails and says what to install. Arguments are vitest's.
 */
import { chromium } from "playwright";
import { HOW_TO_INSTALL, launchOptions } from "./chromium.mjs";
import { runVitest } from "./run-vitest.mjs";

/** A page that has WebGPU needs an address that browsers trust; nothing is fetched from it. */
const ADDRESS = "https://localhost/";

/** @returns {Promise<string | null>} the adapter in Chromium, in words; null where there is none */
async function adapterInChromium() {
  const browser = await chromium.launch(launchOptions()).catch((/** @type {Error} */ { message }) => {
    throw new Error(`Chromium does not start: ${HOW_TO_INSTALL}\n${message}`);
  });
  try {
    const page = await browser.newPage();
    await page.route(ADDRESS, (route) => route.fulfill({ contentType: "text/html", body: "" }));
    await page.goto(ADDRESS);
    return await page.evaluate(async () => {
      const adapter = await navigator.gpu?.requestAdapter();
      return adapter ? `${adapter.info.vendor} ${adapter.info.architecture} ${adapter.info.description}` : null;
    });
  } finally {
    await browser.close();
  }
}

try {
  const adapter = await adapterInChromium();
  if (adapter === null) throw new Error(`WebGPU finds no adapter in Chromium: ${HOW_TO_INSTALL}`);
  console.log(`GPU in Chromium: ${adapter.trim()}`);
  process.exitCode = Math.max(runVitest("vitest.browser.config.ts"), runVitest("vitest.page.config.ts"));
} catch (error) {
  console.error(`npm run test:browser: ${/** @type {Error} */ (error).message}`);
  process.exitCode = 1;
}
