/**
 * The browser bundles, dist/web.js and dist/onnx.web.js: everything but the host. Vite (Rolldown) and
 * not tsup (esbuild) makes them, because it can be told which modules belong together: what the entry
 * and a prune load is three chunks here; esbuild makes one of every set of modules that the same imports
 * reach, many small ones that compress worse. Declarations come from tsup.
 */
import { defineConfig } from "vite";
import { viteWebTwins } from "./scripts/web-twins.mjs";

export default defineConfig({
  plugins: [viteWebTwins()],
  build: {
    target: "es2022",
    // Beside what tsup wrote.
    emptyOutDir: false,
    lib: { entry: { web: "src/web.ts", "onnx.web": "src/onnx/index.ts" }, formats: ["es"] },
    rolldownOptions: {
      // The page brings them; one copy for both.
      external: [/^@huggingface\/transformers$/, /^onnxruntime-web/],
      output: {
        // Vite leaves white space in libraries for the sake of `@__PURE__`, of which there is none.
        minify: true,
        chunkFileNames: "web/[name]-[hash].js",
        hashCharacters: "hex",
        codeSplitting: {
          groups: [
            // A page that takes "./onnx" alone gets this and no more; the others are what the entry adds, and a prune.
            { name: "onnx", test: /\/src\/onnx\/index\.ts$/, priority: 2 },
            { name: "core", tags: ["$initial"], priority: 1 },
            { name: "prune", test: /\/src\/hook\/(?:load-pruned|prune-session)\.ts$/ },
          ],
        },
      },
    },
  },
});
