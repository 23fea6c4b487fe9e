/** `npm run fuzz`: mutants for so many seconds, or one of them again. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { describeFailures, runCampaign } from "./campaign.js";
import { fixtures, smallCorpus } from "./corpus.js";
import { makeMutant } from "./make-mutant.js";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: "1" },
    begin: { type: "string", default: "0" },
    only: { type: "string" },
    keep: { type: "string" },
  },
});
const root = process.cwd();
const seed = Number(values.seed);
const begin = Number(values.only ?? values.begin);
const end = values.only === undefined ? Number.MAX_SAFE_INTEGER : begin + 1;
if (values.keep !== undefined)
  writeFileSync(
    values.keep,
    makeMutant({ small: await smallCorpus(), large: fixtures(root) }, seed, begin).mutant.model,
  );
const script = fileURLToPath(new URL("./child.mjs", import.meta.url));
const campaign = await runCampaign(script, {
  kind: "mutants",
  root,
  seed,
  begin,
  end,
  seconds: Number(values.seconds),
});
const { count, reached, refused, peakBytes, failures } = campaign;
console.log(
  `${count} mutants of seed ${seed}: ${JSON.stringify(reached)}, refused ${JSON.stringify(Object.fromEntries(refused))}, peak ${Math.round(peakBytes / 2 ** 20)} MB`,
);
if (failures.length > 0) {
  console.error(`\n${describeFailures(campaign, seed)}`);
  process.exitCode = 1;
}
