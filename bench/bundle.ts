/**
 * Bytes that a page loads of the bundle in dist/, compressed with gzip and as they are: what comes with the entry, what
 * a prune takes in all, and what each part adds that comes when it is needed. Run `npm run build` first.
 *
 *   node bench/run.mjs bundle
 */
import { statSync } from "node:fs";
import {
  gzipBytes,
  PARTS_OF_DEVICE,
  PARTS_OF_PRUNE,
  PARTS_OF_WAY,
  SAMPLE_TEXT,
  WebBundle,
} from "../test/helpers/web-bundle.js";

const bundle = await WebBundle.read("web.js");
const onnx = await WebBundle.read("onnx.web.js");

const LABEL = 56;
const line = (label: string, ...cells: readonly (string | number)[]): void =>
  console.log(label.padEnd(LABEL) + cells.map((cell) => String(cell).padStart(9)).join(""));
const row = (label: string, paths: readonly string[]): void =>
  line(
    label,
    gzipBytes(...paths),
    paths.reduce((sum, path) => sum + statSync(path).size, 0),
  );

line("", "gzip", "plain");
row("the entry", bundle.loadedWith([]));
row('the entry "./onnx"', onnx.loadedWith([]));
row("any prune", bundle.loadedWith(PARTS_OF_PRUNE));
const byDefault = [...PARTS_OF_PRUNE, ...PARTS_OF_WAY.updates];
row("a prune by default", bundle.loadedWith(byDefault));
row("a prune by default, calibrated with our own text", bundle.loadedWith([...byDefault, SAMPLE_TEXT]));
for (const [device, parts] of Object.entries(PARTS_OF_DEVICE)) {
  const all = [...PARTS_OF_PRUNE, ...PARTS_OF_WAY.scores, ...parts];
  row(`a prune by scores on ${device}`, bundle.loadedWith(all));
  row(`a prune by scores on ${device}, calibrated with our own text`, bundle.loadedWith([...all, SAMPLE_TEXT]));
}

const inPrune = bundle.loadedWith(PARTS_OF_PRUNE);
const inEntry = bundle.loadedWith([]);
console.log("\nEach part with all that it loads, beside what any prune has loaded; in brackets: what any prune loads");
for (const part of bundle.lazyParts) {
  const had = PARTS_OF_PRUNE.some((one) => one === part) ? inEntry : inPrune;
  const added = bundle.loadedWith([part]).filter((path) => !had.includes(path));
  row(had === inEntry ? `(${part})` : part, added);
}
