/** A model file is untrusted: whatever is in it, nothing but success or a PruneError comes of it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundleInto } from "./bundle.mjs";
import { describeFailures, runCampaign } from "./campaign.js";
import { fixtures, smallCorpus } from "./corpus.js";
import { found } from "./found.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const seconds = Number(process.env.FUZZ_SECONDS ?? 0);
const seed = Number(process.env.FUZZ_SEED ?? 1);
/** About ten seconds of one core. The same mutants on every machine, however fast. */
const MUTANTS = 2000;

let folder: string;
let script: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "transformers-prune-fuzz-"));
  await bundleInto(folder, ["child"]);
  script = join(folder, "child.mjs");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("every layout", () => {
  it("comes through unharmed when nothing is wrong with it", async () => {
    const campaign = await runCampaign(script, { kind: "corpus", root, begin: 0 });
    expect(describeFailures(campaign, seed)).toBe("");
    // Which layers can be pruned is for other tests to say; here none may be missing by mistake.
    const dense = [...smallCorpus(), ...fixtures(root)].filter(({ name }) => campaign.prunedOf.get(name) === 0);
    expect(dense.map(({ name }) => name)).toEqual(["sparse initializer"]);
    expect(campaign.count).toBe(smallCorpus().length + fixtures(root).length + found().length);
  }, 300_000);

  it(
    "ends in success or a refusal when it is damaged",
    async () => {
      const end = seconds > 0 ? Number.MAX_SAFE_INTEGER : MUTANTS;
      const limit = seconds > 0 ? seconds : 600;
      const campaign = await runCampaign(script, { kind: "mutants", root, seed, begin: 0, end, seconds: limit });
      expect(describeFailures(campaign, seed)).toBe("");
      // Damage that is refused at once, or changes nothing, would test nothing.
      const { nothing, opened, inspected, pruned } = campaign.reached;
      const { count } = campaign;
      expect(nothing).toBeLessThan(count * 0.7);
      expect(opened + inspected).toBeGreaterThan(count * 0.05);
      expect(pruned).toBeGreaterThan(count * 0.2);
    },
    (seconds > 0 ? seconds : 600) * 1000 + 60_000,
  );
});
