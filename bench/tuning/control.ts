/**
 * The control of the window term: the same search with the window and without it, on the weights as they
 * are and with rows and columns in random order. Were the gain of the window as large in random order,
 * it would not come from neighbours.
 */
import { METHODS } from "../../src/score/index.js";
import { type Candidate, type SearchSpace, search, searchSpace, TimedObjective } from "../../src/tune/index.js";
import type { ExperimentOptions } from "./experiment.js";
import { baselines, inWords, type Laboratory, openLaboratory } from "./laboratory.js";
import { shuffledDevice } from "./shuffled-device.js";

export async function control({
  models: [model = "models/austen-1.4m"],
  texts,
  prune,
  tokens,
  evaluations,
}: ExperimentOptions) {
  console.log("| order | RIA | Wanda | no window | window | gain | coefficients |\n|---|---|---|---|---|---|---|");
  for (const order of ["as it is", "random"] as const) {
    const laboratory = await openLaboratory(model, texts, {
      prune,
      tokens,
      ...(order === "random" && { device: (device) => shuffledDevice(device, 1) }),
    });
    try {
      await row(order, laboratory, evaluations);
    } finally {
      await laboratory.close();
    }
  }
}

async function row(order: string, { subject, heldOut }: Laboratory, evaluations: number): Promise<void> {
  const { pattern } = subject.plan;
  const space = searchSpace("crepe", pattern, { by: "model" }, 1);
  const without: SearchSpace = { ...space, decode: (point) => withoutWindow(space.decode(point)) };
  const starts = METHODS.crepe.starts.map(
    (all): Candidate => ({ method: "crepe", pattern, coefficients: { all }, passes: 1 }),
  );
  const objective = await TimedObjective.open("kl", subject);
  const best = async (within: SearchSpace, from: readonly Candidate[]) => {
    const steps = await search((candidate) => objective.measure(candidate), {
      space: within,
      optimiser: "cma-es",
      better: "lower",
      evaluations,
      seed: 1,
      starts: from,
    });
    return steps.reduce((a, b) => (b.value < a.value ? b : a)).candidate;
  };
  const plain = await best(without, starts.map(withoutWindow));
  const windowed = await best(space, starts);
  await objective.close();
  const { ria, wanda } = baselines(subject);
  const figures = [];
  for (const candidate of [ria, wanda, plain, windowed]) figures.push(await heldOut.of(candidate));
  const gain = 100 * (1 - (figures[3] as number) / (figures[2] as number));
  console.log(
    `| ${order} | ${figures.map((figure) => figure.toFixed(2)).join(" | ")} | ${gain.toFixed(1)}% | ${inWords(plain)}; ${inWords(windowed)} |`,
  );
}

/** The window's share goes to row and column in their proportion. */
function withoutWindow(candidate: Candidate): Candidate {
  const { row = 0, column = 0, ...rest } = candidate.coefficients.all;
  const sum = row + column;
  const shares = sum > 0 ? { row: row / sum, column: column / sum } : { row: 0.5, column: 0.5 };
  return { ...candidate, coefficients: { all: { ...rest, ...shares, window: 0 } } };
}
