import { defineConfig } from "tsup";
import { esbuildWebTwins } from "./scripts/web-twins.mjs";

const shared = { target: "node20", platform: "node", treeshake: true } as const;
const library = { index: "src/index.ts", onnx: "src/onnx/index.ts" };

export default defineConfig([
  { ...shared, format: "esm", entry: { ...library, cli: "src/cli/bin.ts" }, splitting: true, dts: { entry: library } },
  // `shims` gives CommonJS an import.meta.url, by which the workers are found.
  { ...shared, format: "cjs", entry: library, splitting: true, shims: true, dts: { entry: library } },
  // Node starts the mask workers from a file of its own, which keeps its name.
  { ...shared, format: "esm", entry: { worker: "src/compute/cpu/worker.mjs" }, outExtension: () => ({ js: ".mjs" }) },
  // Browsers: all but the host. Lazy imports are chunks; types of "./onnx" are those of Node.
  {
    format: "esm",
    platform: "browser",
    target: "es2022",
    entry: { web: "src/web.ts", "onnx.web": "src/onnx/index.ts" },
    splitting: true,
    minify: true,
    // The host brings it; one copy for both.
    external: ["onnxruntime-web"],
    esbuildPlugins: [esbuildWebTwins()],
    dts: { entry: { web: "src/web.ts" } },
  },
]);
