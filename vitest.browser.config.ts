/** Tests that run inside a page, on the sources as the browser build takes them: part of `npm run test:browser`. */
import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";
import { launchOptions } from "./scripts/chromium.mjs";
import { viteWebTwins } from "./scripts/web-twins.mjs";

export default defineConfig({
  plugins: [viteWebTwins()],
  // Found now: what is found while tests run makes Vite load the page again.
  optimizeDeps: { include: ["fast-check"] },
  test: {
    include: ["test/**/*.browser.test.ts"],
    fileParallelism: false,
    testTimeout: 300_000,
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({ launchOptions: launchOptions() }),
      instances: [{ browser: "chromium" }],
    },
  },
});
