/**
 * What the shipped coefficients gain over RIA and Wanda on text that tuning has not seen: the windows of
 * protocol P1, and those behind them. On P1's the objective was chosen, and CRePE's default coefficients
 * on the first half of them; those behind have chosen nothing.
 */
import { describePattern } from "../../src/pattern/index.js";
import { SHIPPED } from "../../src/registry/shipped.js";
import type { Candidate } from "../../src/tune/index.js";
import type { ExperimentOptions } from "./experiment.js";
import { BEHIND, baselines, openLaboratory } from "./laboratory.js";

const PATTERNS = [
  { pattern: "2:4" },
  { pattern: "4:8" },
  { sparsity: 0.5, scope: "row" },
  { sparsity: 0.6, scope: "row" },
] as const;

export async function gain({ models: [model = ""], texts }: ExperimentOptions) {
  console.log("| pattern | windows | RIA | Wanda | shipped | against the better |\n|---|---|---:|---:|---:|---:|");
  for (const prune of PATTERNS) {
    const laboratory = await openLaboratory(model, texts, { prune, tokens: 256 });
    try {
      const { subject, heldOut, behind } = laboratory;
      const { pattern } = subject.plan;
      const record = SHIPPED.find((one) => one.pattern === describePattern(pattern));
      if (record === undefined) continue;
      const { coefficients, passes } = record;
      const { ria, wanda } = baselines(subject);
      const tuned: Candidate = { method: "crepe", pattern, coefficients, passes };
      for (const [windows, judge] of [["P1", heldOut] as const, [`the ${BEHIND} behind`, behind] as const]) {
        const figures = [];
        for (const candidate of [ria, wanda, tuned]) figures.push(await judge.of(candidate));
        const [byRia = 0, byWanda = 0, byTuned = 0] = figures;
        const against = 100 * (byTuned / Math.min(byRia, byWanda) - 1);
        const cells = [
          record.pattern,
          windows,
          ...figures.map((figure) => figure.toFixed(2)),
          `${against.toFixed(1)}%`,
        ];
        console.log(`| ${cells.join(" | ")} |`);
      }
    } finally {
      await laboratory.close();
    }
  }
}
