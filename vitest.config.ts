import { configDefaults, defineConfig } from "vitest/config";

/** Tests that need Chromium have configurations of their own: `npm run test:gpu`, `npm run test:browser`. */
const NEED_CHROMIUM = ["gpu", "browser", "page"].map((kind) => `test/**/*.${kind}.test.ts`);

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: [...configDefaults.exclude, ...NEED_CHROMIUM],
    // Sessions and mask workers use all cores; files side by side would only fight for them.
    fileParallelism: false,
    testTimeout: 60_000,
  },
});
