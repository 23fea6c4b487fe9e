/** Tests that need a GPU, in Node: `npm run test:gpu` starts them where there is one (scripts/test-gpu.mjs). */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.gpu.test.ts"],
    fileParallelism: false,
    // A software GPU takes its time.
    testTimeout: 300_000,
  },
});
