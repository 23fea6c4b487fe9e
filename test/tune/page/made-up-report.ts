/** A report with figures that nobody measured: smooth functions of the coefficients and a little noise. */
import type { Candidate } from "../../../src/tune/candidate.js";
import { spearman } from "../../../src/tune/correlation.js";
import { learnProxy } from "../../../src/tune/learned-proxy.js";
import type { ObjectiveName } from "../../../src/tune/objectives/index.js";
import type { Finalist, TuneReport } from "../../../src/tune/report.js";
import type { SearchStep } from "../../../src/tune/search.js";
import type { ObjectiveStudy, Study, StudyRow } from "../../../src/tune/study.js";

/** The same numbers 0 … 1 in every run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

const OBJECTIVES = ["hidden-drift", "kl"] as const satisfies readonly ObjectiveName[];

const round = (value: number): number => Math.round(value * 1e4) / 1e4;

export function candidateOf(next: () => number): Candidate {
  const row = round(next());
  const column = round((1 - row) * next());
  const [size, power] = [3 + 2 * Math.floor(next() * 30), round(1.5 * next())];
  return {
    method: "crepe",
    pattern: { kind: "n:m", keep: 2, of: 4, permute: false },
    coefficients: { all: { row, column, window: round(1 - row - column), size, power, shape: round(next()) } },
    passes: 1,
  };
}

function perplexityOf({ coefficients: { all } }: Candidate): number {
  const { power = 0, window = 0, row = 0 } = all;
  return 121 * Math.exp(4 * (power - 0.8) ** 2 + 0.6 * (window - 0.45) ** 2 + 0.2 * row);
}

/** A study of `count` candidates. */
export function madeUpStudy(count: number, names: readonly ObjectiveName[] = OBJECTIVES): Study {
  const next = numbers(7);
  const rows = Array.from({ length: count }, (): StudyRow => {
    const candidate = candidateOf(next);
    const perplexity = perplexityOf(candidate) * (1 + 0.03 * (next() - 0.5));
    const values = names.map((name, i) => [
      name,
      (0.004 * perplexity) ** (1.4 - 0.3 * i) * (1 + (0.1 + 0.4 * i) * (next() - 0.5)),
    ]);
    return { candidate, judged: perplexity, values: Object.fromEntries(values), seconds: { judge: 12 } };
  });
  const best = [...rows].sort((a, b) => a.judged - b.judged).slice(0, Math.ceil(count / 3));
  const rho = (of: readonly StudyRow[], name: ObjectiveName) =>
    spearman(
      of.map(({ values }) => values[name] as number),
      of.map(({ judged }) => judged),
    );
  const objectives = names.map(
    (name, i): ObjectiveStudy => ({
      name,
      better: "lower",
      spearman: rho(rows, name),
      spearmanBestThird: rho(best, name),
      setupSeconds: 3.2 - i,
      secondsPerCandidate: 1.2 / (i + 1),
    }),
  );
  const learned = learnProxy(rows);
  return {
    rows,
    objectives,
    unsupported: [{ name: "likelihood", reason: "the model has no logits" }],
    learned: learned && { ...learned, spearman: 0.98, spearmanBestThird: 0.71 },
    secondsToJudge: 41,
  };
}

/** A report with `evaluations` steps, two finalists, and what the test says of it. */
export function madeUpReport(changes: Partial<TuneReport> = {}, evaluations = 60): TuneReport {
  const next = numbers(11);
  let best = Number.POSITIVE_INFINITY;
  const steps = Array.from({ length: evaluations }, (_, i): SearchStep => {
    const candidate = candidateOf(next);
    const value = (0.004 * perplexityOf(candidate)) ** 1.4 * (1 - (0.4 * i) / evaluations);
    best = Math.min(best, value);
    return { candidate, value, best, generation: i < 3 ? 0 : Math.ceil((i - 2) / 9), seconds: 1.3 * (i + 1) };
  });
  const [first, second] = [...steps].sort((a, b) => a.value - b.value);
  const finalists: readonly Finalist[] = [
    {
      from: "search",
      candidate: (first as SearchStep).candidate,
      value: (first as SearchStep).value,
      judged: 121.4,
    },
    { from: "start", candidate: (second as SearchStep).candidate, value: null, judged: 131.03 },
  ];
  return {
    model: "someone/small-135M",
    family: "llama/576",
    dtype: "fp32",
    method: "crepe",
    pattern: "2:4",
    calibration: "built-in text, 32 samples of 512 tokens",
    judge: { name: "perplexity", text: { name: "novel.txt", sha256: "b".repeat(64), windows: 16, length: 512 } },
    objective: { name: "hidden-drift", better: "lower", spearman: 0.97, setupSeconds: 3.2, secondsPerCandidate: 1.2 },
    optimiser: "cma-es",
    seed: 0,
    dimensions: ["row", "column", "size", "power", "shape"],
    steps,
    finalists,
    chosen: finalists[0] as Finalist,
    accepted: true,
    judged: { dense: 29.6, ria: 160.83, wanda: 147.2, tuned: 121.4 },
    study: null,
    notes: [],
    device: "cpu",
    seconds: { prepare: 42, study: 0, search: 78, check: 204, total: 325 },
    ...changes,
  };
}
