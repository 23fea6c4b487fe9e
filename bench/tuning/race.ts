/**
 * PHO against what it replaces: the same starts, the same space, the same text to judge on. First PHO
 * searches by its objective; each time its best candidate changes, that one's perplexity is measured,
 * off the clock. Then hill-climbing looks at perplexity itself, until it has the lowest that PHO had or
 * the time is up. So there is a curve of perplexity against seconds for both, from one run.
 */
import { scoreMethod } from "../../src/prune/index.js";
import { METHODS } from "../../src/score/index.js";
import { type Candidate, search, searchSpace, TimedObjective } from "../../src/tune/index.js";
import type { ExperimentOptions } from "./experiment.js";
import { baselines, inWords, openLaboratory } from "./laboratory.js";

/** A candidate that was the best so far, and when: seconds from the start, opening the objective included. */
interface Leader {
  readonly candidate: Candidate;
  readonly seconds: number;
  readonly perplexity: number;
  /** Candidates measured up to it. */
  readonly count: number;
}

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
  const { subject, heldOut } = laboratory;
  const { pattern } = subject.plan;
  const space = searchSpace(scoreMethod(subject.plan), pattern, { by: "model" }, 1);
  const starts = METHODS.crepe.starts.map(
    ({ coefficients: all }): Candidate => ({ method: "crepe", pattern, coefficients: { all }, passes: 1 }),
  );
  const common = { space, seed: 1, starts, better: "lower" } as const;

  async function byProxy(): Promise<Leader[]> {
    const objective = await TimedObjective.open("kl", subject);
    const measure = (candidate: Candidate) => objective.measure(candidate);
    const steps = await search(measure, { ...common, evaluations, optimiser: "cma-es" });
    await objective.close();
    const { setupSeconds, secondsPerCandidate } = objective.cost;
    console.log(`PHO: ${steps.length} candidates, ${secondsPerCandidate.toFixed(2)} s each`);
    const judge = laboratory.tuning();
    const leaders: Leader[] = [];
    for (const [index, { candidate, value, seconds }] of steps.entries())
      if (steps.slice(0, index).every((before) => before.value > value))
        leaders.push({
          candidate,
          seconds: setupSeconds + seconds,
          perplexity: await judge.of(candidate),
          count: index + 1,
        });
    return leaders;
  }

  async function byClimbing(goal: number): Promise<{ leaders: Leader[]; seconds: number }> {
    const judge = laboratory.tuning();
    const leaders: Leader[] = [];
    const stop = new AbortController();
    const begin = performance.now();
    let count = 0;
    const measure = async (candidate: Candidate) => {
      const perplexity = await judge.of(candidate);
      const seconds = (performance.now() - begin) / 1000;
      count++;
      if (leaders.every((leader) => perplexity < leader.perplexity))
        leaders.push({ candidate, seconds, perplexity, count });
      if (perplexity <= goal || seconds > 60 * minutes) stop.abort();
      return perplexity;
    };
    const settings = { ...common, evaluations: 100_000, optimiser: "hill-climbing" } as const;
    await search(measure, settings, { signal: stop.signal }).catch((error: unknown) => {
      if (!stop.signal.aborted) throw error;
    });
    const seconds = (performance.now() - begin) / 1000;
    console.log(`hill-climbing: ${count} candidates, ${(seconds / count).toFixed(2)} s each`);
    return { leaders, seconds };
  }

  try {
    const found = await byProxy();
    for (const leader of found) console.log(`  ${inLine(leader)}`);
    const { leaders: climbed, seconds: climbing } = await byClimbing(
      Math.min(...found.map(({ perplexity }) => perplexity)),
    );
    for (const leader of climbed) console.log(`  ${inLine(leader)}`);
    console.log("\n| perplexity | PHO | hill-climbing | ratio |\n|---:|---:|---:|---:|");
    for (const { perplexity, seconds } of found) {
      const reached = climbed.find((leader) => leader.perplexity <= perplexity)?.seconds;
      const [when, ratio] = [
        `${(reached ?? climbing).toFixed(0)} s`,
        `${((reached ?? climbing) / seconds).toFixed(1)}×`,
      ];
      const atLeast = reached === undefined ? "more than " : "";
      console.log(`| ${perplexity.toFixed(2)} | ${seconds.toFixed(0)} s | ${atLeast}${when} | ${atLeast}${ratio} |`);
    }
    console.log("\non text that neither has seen:");
    const [last, top] = [found.at(-1), climbed.at(-1)];
    const rows = {
      ...(last && { PHO: last.candidate }),
      ...(top && { climbing: top.candidate }),
      ...baselines(subject),
    };
    for (const [name, candidate] of Object.entries(rows))
      console.log(`  ${name} ${(await heldOut.of(candidate)).toFixed(2)}`);
  } finally {
    await laboratory.close();
  }
}

const inLine = ({ perplexity, count, seconds, candidate }: Leader): string =>
  `${perplexity.toFixed(2)} after ${count} candidates, ${seconds.toFixed(0)} s: ${inWords(candidate)}`;
