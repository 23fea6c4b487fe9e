/**
 * The page. The repository's models/ are its public folder, so that the embedded model is served with it;
 * the library is the one that `npm run build` has made.
 */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: at("."),
  publicDir: at("../../models"),
  // Not a single-page application: what is not there is a 404, and not the page.
  appType: "mpa",
  resolve: { alias: { "transformers-prune": at("../../dist/web.js") } },
  server: { fs: { allow: [at("../..")] } },
  // Both find their WebAssembly beside themselves, which bundling ahead of time would break.
  optimizeDeps: { exclude: ["@huggingface/transformers", "onnxruntime-web"], include: ["client-zip"] },
  worker: { format: "es" },
  build: { outDir: at("dist"), emptyOutDir: true, target: "es2022" },
});
