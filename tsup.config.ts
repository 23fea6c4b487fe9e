import { defineConfig } from "tsup";

const shared = { target: "node20", platform: "node", treeshake: true } as const;
const library = { index: "src/index.ts", onnx: "src/onnx/index.ts" };

export default defineConfig([
  { ...shared, format: "esm", entry: { ...library, cli: "src/cli/bin.ts" }, splitting: true, dts: { entry: library } },
  // `shims` gives CommonJS an import.meta.url, by which the workers are found.
  { ...shared, format: "cjs", entry: library, splitting: true, shims: true, dts: { entry: library } },
  // Node starts the mask workers from a file of its own, which keeps its name.
  { ...shared, format: "esm", entry: { worker: "src/compute/cpu/worker.mjs" }, outExtension: () => ({ js: ".mjs" }) },
  // Browsers: declarations only, the bundle is made by vite.web.config.ts; types of "./onnx" are those of Node.
  { platform: "browser", format: "esm", entry: { web: "src/web.ts" }, dts: { only: true } },
]);
