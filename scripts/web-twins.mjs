/**
 * What makes a browser build of the sources: `./x.node.js` is taken from its twin `x.web.ts`, and
 * `./x.mjs?bundled` is the text of a script bundled into one, for workers. As a plugin for Vite (the
 * build, vitest's browser mode, example pages that use the sources) and for esbuild.
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { build } from "esbuild";

const TWIN = /\.node\.js$/;
const BUNDLED = /\?bundled$/;

/**
 * The file of the twin.
 *
 * @param {string} specifier as imported, "./file-system.node.js"
 * @param {string} importer path of the importing file
 * @returns {string}
 * @throws where there is no such file: a browser build must not fall back to Node's
 */
function twinOf(specifier, importer) {
  const path = join(dirname(importer), specifier.replace(TWIN, ".web.ts"));
  if (!existsSync(path)) throw new Error(`${importer} imports ${specifier}, which has no twin for browsers: ${path}`);
  return path;
}

/**
 * A script and all that it imports as the text of one classic script.
 *
 * @param {string} path
 * @returns {Promise<string>}
 */
export async function bundleText(path) {
  const { outputFiles } = await build({
    entryPoints: [path],
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    platform: "browser",
    target: "es2022",
    plugins: [esbuildWebTwins()],
  });
  return (outputFiles[0]?.text ?? "").trim();
}

/** Only what our own sources import relatively is meant; packages may have names like that, too. */
const isOurs = (/** @type {string} */ specifier, /** @type {string | undefined} */ importer) =>
  specifier.startsWith(".") && importer !== undefined && !importer.includes("/node_modules/");

/** @returns {import("esbuild").Plugin} */
export function esbuildWebTwins() {
  return {
    name: "web-twins",
    setup({ onLoad, onResolve }) {
      onResolve({ filter: TWIN }, ({ path, importer }) =>
        isOurs(path, importer) ? { path: twinOf(path, importer) } : undefined,
      );
      onResolve({ filter: BUNDLED }, ({ path, resolveDir }) => ({
        path: join(resolveDir, path.replace(BUNDLED, "")),
        namespace: "bundled",
      }));
      onLoad({ filter: /.*/, namespace: "bundled" }, async ({ path }) => ({
        contents: await bundleText(path),
        loader: "text",
        watchFiles: [path],
      }));
    },
  };
}

/** @returns {import("vite").Plugin} */
export function viteWebTwins() {
  return {
    name: "web-twins",
    enforce: "pre",
    resolveId(specifier, importer) {
      if (!isOurs(specifier, importer)) return null;
      const from = /** @type {string} */ (importer).replace(/\?.*$/, "");
      if (TWIN.test(specifier)) return twinOf(specifier, from);
      return BUNDLED.test(specifier) ? `\0${join(dirname(from), specifier)}` : null;
    },
    async load(id) {
      if (!id.startsWith("\0") || !BUNDLED.test(id)) return null;
      return `export default ${JSON.stringify(await bundleText(id.slice(1).replace(BUNDLED, "")))};`;
    },
  };
}
