/**
 * Bytes that a page loads, compressed with gzip and as they are, of the bundle in dist/: what comes with the entry,
 * what a prune takes in all on each device, and what each part adds that comes when it is needed. Run `npm run build` first.
 *
 *   node bench/run.mjs bundle
 */
import { statSync } from "node:fs";
import { gzipBytes, PARTS_OF_PRUNE, WebBundle } from "../test/helpers/web-bundle.js";

const bundle = await WebBundle.read("web.js");
const onnx = await WebBundle.read("onnx.web.js");

const bytes = (paths: readonly string[]): number => paths.reduce((sum, path) => sum + statSync(path).size, 0);
const row = (label: string, gzip: number, plain: number): void =>
  console.log(`${label.padEnd(52)} ${String(gzip).padStart(8)} ${String(plain).padStart(8)}`);
const total = (label: string, paths: readonly string[]): void => row(label, gzipBytes(...paths), bytes(paths));

const entry = bundle.loadedWith([]);
console.log(`${"".padEnd(52)} ${"gzip".padStart(8)} ${"plain".padStart(8)}`);
total("with the entry", entry);
total('with the entry "./onnx"', onnx.loadedWith([]));
for (const [device, parts] of Object.entries(PARTS_OF_PRUNE)) {
  total(`a prune on ${device}, in all`, bundle.loadedWith(parts));
  total(`a prune on ${device}, in all, with our text`, bundle.loadedWith([...parts, "sample-text"]));
}
console.log("\nparts, each with what only it and others like it need");
for (const part of bundle.lazyParts) row(part, bundle.addedBy([part]), bytes(bundle.loadedWith([part])) - bytes(entry));
