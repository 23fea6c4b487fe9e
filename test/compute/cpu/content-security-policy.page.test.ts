/** A page whose policy allows no worker from a Blob: the error says what the policy must allow. */
import { type Browser, chromium } from "playwright";
import { afterAll, beforeAll, expect, it } from "vitest";
import { launchOptions } from "../../../scripts/chromium.mjs";
import { bundleText } from "../../../scripts/web-twins.mjs";

const ADDRESS = "https://localhost/";
let browser: Browser;
beforeAll(async () => {
  browser = await chromium.launch(launchOptions());
});
afterAll(() => browser.close());

/** What a page under a policy says of a mask: the mask's bytes or the error's message. */
async function resultUnder(policy: string): Promise<string> {
  const script = await bundleText(new URL("./script-of-a-page.ts", import.meta.url).pathname);
  const page = await browser.newPage();
  await page.route(`${ADDRESS}**`, (route) =>
    route.request().url().endsWith(".js")
      ? route.fulfill({ contentType: "text/javascript", body: script })
      : route.fulfill({
          contentType: "text/html",
          headers: { "Content-Security-Policy": policy },
          body: '<script src="script.js" defer></script>',
        }),
  );
  await page.goto(ADDRESS);
  await page.waitForFunction(() => document.title !== "");
  return page.title();
}

it("masks in a page that allows worker-src blob: and WebAssembly", async () => {
  expect(await resultUnder("script-src 'self' 'wasm-unsafe-eval'; worker-src blob:")).toBe("8 bytes");
});

it("says what a policy must allow where it forbids the workers", async () => {
  expect(await resultUnder("script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'")).toMatch(
    /"plain".*worker-src blob:/,
  );
});

it("says that a policy forbids WebAssembly", async () => {
  expect(await resultUnder("script-src 'self'; worker-src blob:")).toMatch(/"plain".*WebAssembly/);
});
