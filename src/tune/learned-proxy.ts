/**
 * An objective made of objectives: a ridge regression of a candidate's rank by the judge on the
 * logarithms of a few cheap figures, chosen one after the other among the candidates of a study. Ranks,
 * because the search only needs to know which of two is better, and the worst candidates are so much
 * worse than all others that a fit to the judge's figures would be a fit to them. It is trusted by what
 * it says of candidates that were left out of choice and fit.
 */
import { ranks } from "./correlation.js";
import type { ObjectiveName } from "./objectives/index.js";
import type { StudyRow } from "./study.js";

/** Predicts a rank: intercept + Σ weight · scaled(log|value|). */
export interface LearnedProxy {
  readonly terms: readonly {
    readonly name: ObjectiveName;
    readonly weight: number;
    /** Median of the logarithms, and the distance between their quartiles. */
    readonly centre: number;
    readonly spread: number;
  }[];
  readonly intercept: number;
  /** What fits without the row itself say of each row (ten folds): expected ranks, 0 best … 1 worst. */
  readonly heldOut: readonly number[];
}

type Fit = Pick<LearnedProxy, "terms" | "intercept">;

/** Share of the diagonal that is added to it: figures of one candidate resemble each other. */
const RIDGE = 0.05;
/** Figures that a proxy looks at: each costs its own run, and few candidates cannot tell many apart. */
const MOST_TERMS = 3;
/** Parts of the rows that are left out in turn. */
const FOLDS = 10;
/** Rows that a fit takes at least. */
const FEWEST_ROWS = 12;
/** Share by which a further figure must lower the error to be worth its cost. */
const LEAST_GAIN = 0.05;
/** Farther than this many spreads from the centre, a figure says "bad" and no more. */
const FARTHEST = 2;

/** Fits a proxy; null where there are too few rows or figures. */
export function learnProxy(rows: readonly StudyRow[]): LearnedProxy | null {
  const names = Object.keys(rows[0]?.values ?? {}) as ObjectiveName[];
  if (names.length < 2 || rows.length < FEWEST_ROWS) return null;
  const heldOut = eachFold(rows, (others) => regress(others, chooseTerms(others, names)));
  return { ...regress(rows, chooseTerms(rows, names)), heldOut };
}

/** The rank that a fit expects of a candidate with these figures: 0, the best of the study, to 1, the worst; beyond for what is beyond. */
export function predict({ terms, intercept }: Fit, values: StudyRow["values"]): number {
  return terms.reduce(
    (sum, { name, weight, centre, spread }) => sum + weight * scaled(values[name] as number, centre, spread),
    intercept,
  );
}

/** Figures are positive and their errors multiply; zero stays finite. */
const logOf = (value: number): number => Math.log(Math.max(Math.abs(value), Number.MIN_VALUE));

const scaled = (value: number, centre: number, spread: number): number =>
  Math.max(-FARTHEST, Math.min(FARTHEST, (logOf(value) - centre) / spread));

/** Adds the figure that lowers the cross-validation error most, as long as one does. */
function chooseTerms(rows: readonly StudyRow[], names: readonly ObjectiveName[]): readonly ObjectiveName[] {
  let chosen: readonly ObjectiveName[] = [];
  let error = Number.POSITIVE_INFINITY;
  while (chosen.length < MOST_TERMS) {
    const tried = names
      .filter((name) => !chosen.includes(name))
      .map((name) => ({ terms: [...chosen, name], error: errorOf(rows, [...chosen, name]) }));
    const best = tried.reduce((a, b) => (b.error < a.error ? b : a), { terms: chosen, error });
    if (best.error > error * (1 - LEAST_GAIN) || best.terms === chosen) break;
    chosen = best.terms;
    error = best.error;
  }
  return chosen;
}

/** Sum of squared errors of what fits without a row say of it. */
function errorOf(rows: readonly StudyRow[], terms: readonly ObjectiveName[]): number {
  const wanted = ranksOf(rows);
  const expected = eachFold(rows, (others) => regress(others, terms));
  return expected.reduce((sum, rank, i) => sum + (rank - (wanted[i] as number)) ** 2, 0);
}

/** What fits say of each row that were made without it: the rows are left out in tenths. */
function eachFold(rows: readonly StudyRow[], fitTo: (others: readonly StudyRow[]) => Fit): number[] {
  const fits = Array.from({ length: FOLDS }, (_, fold) => fitTo(rows.filter((_, i) => i % FOLDS !== fold)));
  return rows.map(({ values }, i) => predict(fits[i % FOLDS] as Fit, values));
}

/** Ranks by the judge, 0 … 1. */
function ranksOf(rows: readonly StudyRow[]): number[] {
  return ranks(rows.map(({ judged }) => judged)).map((rank) => (rank - 1) / Math.max(1, rows.length - 1));
}

function regress(rows: readonly StudyRow[], names: readonly ObjectiveName[]): Fit {
  const targets = ranksOf(rows);
  const columns = names.map((name) => {
    const logs = rows.map(({ values }) => logOf(values[name] as number)).sort((a, b) => a - b);
    const quantile = (share: number) => logs[Math.round(share * (logs.length - 1))] as number;
    const [centre, spread] = [quantile(0.5), quantile(0.75) - quantile(0.25) || 1];
    const x = rows.map(({ values }) => scaled(values[name] as number, centre, spread));
    return { name, centre, spread, x, mean: meanOf(x) };
  });
  const mean = meanOf(targets);
  const centred = columns.map(({ x, mean: own }) => x.map((value) => value - own));
  const products = centred.map((a, i) => centred.map((b, j) => dot(a, b) + (i === j ? RIDGE * (dot(a, a) || 1) : 0)));
  const weights = solve(
    products,
    centred.map((x) => dot(x, targets)),
  );
  const terms = columns.map(({ name, centre, spread }, i) => ({ name, centre, spread, weight: weights[i] as number }));
  const intercept = mean - columns.reduce((sum, column, i) => sum + column.mean * (weights[i] as number), 0);
  return { terms, intercept };
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);

/** Solves A x = b for a symmetric positive definite A by Gaussian elimination, which needs no pivots then. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const rows = matrix.map((row, i) => [...row, right[i] as number]);
  const n = rows.length;
  const at = (i: number, j: number) => (rows[i] as number[])[j] as number;
  for (let k = 0; k < n; k++)
    for (let i = k + 1; i < n; i++) {
      const factor = at(i, k) / at(k, k);
      for (let j = k; j <= n; j++) (rows[i] as number[])[j] = at(i, j) - factor * at(k, j);
    }
  const x = new Array<number>(n).fill(0);
  for (let i = n - 1; i >= 0; i--) {
    let rest = at(i, n);
    for (let j = i + 1; j < n; j++) rest -= at(i, j) * (x[j] as number);
    x[i] = rest / at(i, i);
  }
  return x;
}
