/**
 * Measurements of tuning (docs/pho.md):
 *
 *   race      PHO against hill-climbing on perplexity, which gets 33 times as long
 *   control   whether the window term uses the order of rows and columns
 *   transfer  coefficients of one model on another, against RIA
 *   gain      shipped coefficients against RIA and Wanda on text that tuning has not seen
 *
 * The study of objectives is the command line's: transformers-prune tune --study 40 --report page.html
 *
 *   npm run bench -- tune race $PRUNE_MODELS/smollm2-135m --texts ../shared/models/text --pattern 2:4
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { control } from "./tuning/control.js";
import { gain } from "./tuning/gain.js";
import { race } from "./tuning/race.js";
import { transfer } from "./tuning/transfer.js";

const EXPERIMENTS = { race, control, transfer, gain };

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    texts: { type: "string", default: "models/austen-1.4m" },
    pattern: { type: "string", default: "2:4" },
    tokens: { type: "string", default: "1024" },
    evaluations: { type: "string", default: "100" },
    minutes: { type: "string", default: "120" },
    windows: { type: "string", default: "16" },
    coefficients: { type: "string", default: "" },
  },
});
const [what, ...models] = positionals;
const experiment = EXPERIMENTS[what as keyof typeof EXPERIMENTS];
if (experiment === undefined) throw new Error(`name one of ${Object.keys(EXPERIMENTS).join(", ")}`);
await experiment({
  models: models.map((model) => resolve(model)),
  texts: resolve(values.texts),
  prune: values.pattern.includes(":") ? { pattern: values.pattern } : { sparsity: Number(values.pattern) },
  tokens: Number(values.tokens),
  evaluations: Number(values.evaluations),
  minutes: Number(values.minutes),
  windows: Number(values.windows),
  coefficients: values.coefficients,
});
