import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Sessions and mask workers use all cores; files side by side would only fight for them.
    fileParallelism: false,
    testTimeout: 60_000,
  },
});
