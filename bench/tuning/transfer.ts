/** What coefficients found on one model do to others: perplexity against RIA and Wanda, per model and pattern. */
import { basename } from "node:path";
import { dottedLabel, readCoefficientSet } from "../../src/options/index.js";
import { METHODS } from "../../src/score/index.js";
import type { Candidate } from "../../src/tune/index.js";
import type { ExperimentOptions } from "./experiment.js";
import { baselines, openLaboratory } from "./laboratory.js";

const PATTERNS = [{ pattern: "2:4" }, { pattern: "4:8" }, { sparsity: 0.5 }, { sparsity: 0.6 }];

export async function transfer({ models, texts, coefficients }: ExperimentOptions) {
  const set =
    coefficients === ""
      ? { all: METHODS.crepe.untuned }
      : readCoefficientSet(JSON.parse(coefficients), "crepe", dottedLabel("--coefficients"));
  console.log("| model | pattern | RIA | Wanda | these | against RIA |\n|---|---|---|---|---|---|");
  for (const model of models)
    for (const prune of PATTERNS) {
      const laboratory = await openLaboratory(model, texts, { prune, tokens: 256 });
      try {
        const { subject, heldOut } = laboratory;
        const { ria, wanda } = baselines(subject);
        const these: Candidate = { method: "crepe", pattern: subject.plan.pattern, coefficients: set, passes: 1 };
        const figures = [];
        for (const candidate of [ria, wanda, these]) figures.push(await heldOut.of(candidate));
        const against = 100 * ((figures[2] as number) / (figures[0] as number) - 1);
        console.log(
          `| ${basename(model)} | ${Object.values(prune)[0]} | ${figures.map((figure) => figure.toFixed(2)).join(" | ")} | ${against >= 0 ? "+" : ""}${against.toFixed(1)}% |`,
        );
      } finally {
        await laboratory.close();
      }
    }
}
