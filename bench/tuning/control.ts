/**
 * The control of the window term: the same search with the window and without it, on the weights as they
 * are and with rows and columns in random order. Were the gain of the window as large in random order,
 * it would not come from neighbours. Take a sparsity by row: random columns change which channels share a
 * group of N:M, and that alone changes perplexity.
 */
import { METHODS } from "../../src/score/index.js";
import { axesOf } from "../../src/tune/axes.js";
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
  console.log(
    "| order | RIA | Wanda | no window | window | the window adds | coefficients |\n|---|---|---|---|---|---|---|",
  );
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
  const starts = METHODS.crepe.starts.map(
    ({ coefficients: all }): Candidate => ({ method: "crepe", pattern, coefficients: { all }, passes: 1 }),
  );
  const objective = await TimedObjective.open("kl", subject);
  const best = async (space: SearchSpace, from: readonly Candidate[]) => {
    const steps = await search((candidate) => objective.measure(candidate), {
      space,
      optimiser: "cma-es",
      better: "lower",
      evaluations,
      seed: 1,
      starts: from,
    });
    return steps.reduce((a, b) => (b.value < a.value ? b : a));
  };
  const plain = await best(spaceWithoutWindow(pattern), starts.map(withoutWindow));
  const windowed = await best(searchSpace("crepe", pattern, { by: "model" }, 1), starts);
  await objective.close();
  const { ria, wanda } = baselines(subject);
  const figures = [];
  for (const candidate of [ria, wanda, plain.candidate, windowed.candidate]) figures.push(await heldOut.of(candidate));
  const added = 100 * ((figures[3] as number) / (figures[2] as number) - 1);
  const values = [plain, windowed].map(({ value, candidate }) => `kl ${value.toFixed(4)}: ${inWords(candidate)}`);
  console.log(
    `| ${order} | ${figures.map((figure) => figure.toFixed(2)).join(" | ")} | ${added > 0 ? "+" : ""}${added.toFixed(1)}% | ${values.join("; ")} |`,
  );
}

/** The space of row, column, power and shape: without the dimensions that only the window has. */
function spaceWithoutWindow(pattern: Candidate["pattern"]): SearchSpace {
  const axes = axesOf(METHODS.crepe.parameters.filter(({ name }) => name !== "window" && name !== "size"));
  return {
    dimensions: axes.flatMap(({ dimensions }) => dimensions),
    names: axes.flatMap(({ names }) => names),
    decode: (point) => {
      const rest = [...point];
      const own = axes.map((axis) => axis.decode(rest.splice(0, axis.dimensions.length)));
      const all = Object.assign({ window: 0, size: 3 }, ...own) as Candidate["coefficients"]["all"];
      return { method: "crepe", pattern, coefficients: { all }, passes: 1 };
    },
    encode: ({ coefficients: { all } }) => axes.flatMap((axis) => axis.encode(all)),
  };
}

/** The window's share goes to row and column in their proportion. */
function withoutWindow(candidate: Candidate): Candidate {
  const { row = 0, column = 0, ...rest } = candidate.coefficients.all;
  const sum = row + column;
  const shares = sum > 0 ? { row: row / sum, column: column / sum } : { row: 0.5, column: 0.5 };
  return { ...candidate, coefficients: { all: { ...rest, ...shares, window: 0, size: 3 } } };
}
