/**
 * PHO against what it replaces: the same starts, the same space, the same text to judge on; hill-climbing
 * looks at perplexity itself and stops when it has what PHO has, or 33 times PHO's time. Both are
 * timed in this run, one after the other, and both results are measured on text that neither has seen.
 */

import { METHODS } from "../../src/score/index.js";
import { type Candidate, search, searchSpace, TimedObjective } from "../../src/tune/index.js";
import { bestApart } from "../../src/tune/search.js";
import type { ExperimentOptions } from "./experiment.js";
import { baselines, inWords, openLaboratory } from "./laboratory.js";

const FACTOR = 33;

export async function race({
  models: [model = "models/austen-1.4m"],
  texts,
  prune,
  tokens,
  evaluations,
  minutes,
  windows,
}: ExperimentOptions) {
  const laboratory = await openLaboratory(model, texts, { prune, tokens, windows });
  const { subject, tuning, heldOut } = laboratory;
  const { pattern, options } = subject.plan;
  const space = searchSpace(options.method, pattern, { by: "model" }, 1);
  const starts = METHODS.crepe.starts.map(
    (all): Candidate => ({ method: "crepe", pattern, coefficients: { all }, passes: 1 }),
  );
  const common = { space, evaluations, seed: 1, starts, better: "lower" } as const;
  try {
    const begin = performance.now();
    const objective = await TimedObjective.open("kl", subject);
    const steps = await search((candidate) => objective.measure(candidate), { ...common, optimiser: "cma-es" });
    await objective.close();
    const searched = (performance.now() - begin) / 1000;
    const finalists = bestApart(steps, 3, { space, better: "lower", distance: 0.1 }).map(({ candidate }) => candidate);
    let best = { candidate: finalists[0] as Candidate, perplexity: Number.POSITIVE_INFINITY };
    for (const candidate of finalists) {
      const perplexity = await tuning.of(candidate);
      if (perplexity < best.perplexity) best = { candidate, perplexity };
    }
    const total = (performance.now() - begin) / 1000;
    console.log(
      `PHO: ${steps.length} candidates in ${searched.toFixed(0)} s, with the check of 3 ${total.toFixed(0)} s`,
    );
    console.log(`  ${best.perplexity.toFixed(2)} on the tuning text: ${inWords(best.candidate)}`);

    // Perplexity hill-climbing, told to stop by a signal of its own.
    const climbing = performance.now();
    const limit = Math.min(FACTOR * total, 60 * minutes);
    const stop = new AbortController();
    let reachedAt: number | null = null;
    let climbed = { candidate: starts[0] as Candidate, perplexity: Number.POSITIVE_INFINITY };
    let count = 0;
    const climb = async (candidate: Candidate) => {
      const perplexity = await tuning.of(candidate);
      const seconds = (performance.now() - climbing) / 1000;
      count++;
      if (perplexity < climbed.perplexity) {
        climbed = { candidate, perplexity };
        console.log(
          `  hill-climbing: ${perplexity.toFixed(2)} after ${count} candidates, ${seconds.toFixed(0)} s (${(seconds / total).toFixed(1)} x PHO)`,
        );
      }
      if (perplexity <= best.perplexity) reachedAt ??= seconds;
      if (reachedAt !== null || seconds > limit) stop.abort();
      return perplexity;
    };
    await search(climb, { ...common, evaluations: 100_000, optimiser: "hill-climbing" }, { signal: stop.signal }).catch(
      (error: unknown) => {
        if (!stop.signal.aborted) throw error;
      },
    );
    const seconds = (performance.now() - climbing) / 1000;
    console.log(
      reachedAt === null
        ? `hill-climbing did not reach it in ${count} candidates and ${seconds.toFixed(0)} s: more than ${(seconds / searched).toFixed(0)} x the search, ${(seconds / total).toFixed(0)} x with its check`
        : `hill-climbing reached it in ${count} candidates and ${seconds.toFixed(0)} s: ${(seconds / searched).toFixed(1)} x the search, ${(seconds / total).toFixed(1)} x with its check`,
    );
    console.log(`  ${climbed.perplexity.toFixed(2)} on the tuning text: ${inWords(climbed.candidate)}`);
    const rows = { PHO: best.candidate, "hill-climbing": climbed.candidate, ...baselines(subject) };
    for (const [name, candidate] of Object.entries(rows))
      console.log(`  on text that neither has seen: ${name} ${(await heldOut.of(candidate)).toFixed(2)}`);
  } finally {
    await laboratory.close();
  }
}
