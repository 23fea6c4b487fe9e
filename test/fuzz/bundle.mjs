/**
 * Bundles the fuzzer's programs, each into one file with all that it imports, because Node does not
 * import TypeScript. Plain JavaScript, so that `npm run fuzz` begins here.
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));

/**
 * Writes `<program>.mjs` for every program.
 *
 * @param {string} folder
 * @param {readonly ("child" | "main")[]} programs
 */
export async function bundleInto(folder, programs) {
  await build({
    entryPoints: programs.map((program) => join(here, `${program}.ts`)),
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    sourcemap: "inline",
    logLevel: "error",
  });
}
