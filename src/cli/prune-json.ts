/**
 * The report that `prune --json` prints. A model of one session file prints that file's report; a
 * model of several prints the same fields over all of them. Both list the reports under `files`.
 */

import type { PruneResult } from "../hook/index.js";
import type { ByteComparison, PruneReport } from "../report.js";

/** Perplexities before and after, where a text was given to measure them on. */
export interface PerplexityChange {
  readonly dense: number;
  readonly pruned: number;
}

/** What `prune --json` prints. */
export type PruneJson = PruneReport & {
  readonly model: string;
  readonly out: string;
  readonly files: readonly PruneReport[];
  readonly perplexity?: PerplexityChange;
};

/** The whole result as plain data. */
export function pruneJson(model: string, { out, reports }: PruneResult, perplexity?: PerplexityChange): PruneJson {
  return { model, out, ...totalOf(reports), ...(perplexity && { perplexity }), files: reports };
}

/**
 * The report over all session files: counts, seconds and bytes are sums; weights, skipped and notes
 * are listed with their file; what all files share (method, pattern, …) is taken from the first.
 */
export function totalOf(reports: readonly PruneReport[]): PruneReport {
  const [first, ...others] = reports;
  if (first === undefined) throw new Error("pruning a model gave no report");
  if (others.length === 0) return first;
  const sum = (of: (report: PruneReport) => number) => reports.reduce((total, report) => total + of(report), 0);
  const inFile = <T>(of: (report: PruneReport) => readonly T[]) =>
    reports.flatMap((report) => of(report).map((entry) => ({ ...entry, file: report.file })));
  return {
    ...first,
    file: reports.map(({ file }) => file).join(", "),
    zeros: sum(({ zeros }) => zeros),
    prunable: sum(({ prunable }) => prunable),
    parameters: sum(({ parameters }) => parameters),
    weights: inFile(({ weights }) => weights),
    skipped: inFile(({ skipped }) => skipped),
    notes: reports.flatMap(({ file, notes }) => notes.map((note) => `${file}: ${note}`)),
    seconds: {
      read: sum(({ seconds }) => seconds.read),
      calibrate: sum(({ seconds }) => seconds.calibrate),
      mask: sum(({ seconds }) => seconds.mask),
      update: sum(({ seconds }) => seconds.update),
      write: sum(({ seconds }) => seconds.write),
      total: sum(({ seconds }) => seconds.total),
    },
    bytes: {
      source: sum(({ bytes }) => bytes.source),
      written: sum(({ bytes }) => bytes.written),
      ...totalComparison(reports.map(({ bytes }) => bytes.compared)),
    },
    fromCache: reports.every(({ fromCache }) => fromCache),
  };
}

/** Sums of comparisons, where every file has one. */
function totalComparison(all: readonly (ByteComparison | undefined)[]): { readonly compared?: ByteComparison } {
  const compared = all.filter((one) => one !== undefined);
  const [first] = compared;
  if (first === undefined || compared.length < all.length) return {};
  const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
  const packed = compared.map((one) => one.packed).filter((bytes) => bytes !== null);
  const compressed = compared.map((one) => one.compressed).filter((one) => one !== undefined);
  const of = (kind: "gzip" | "brotli") => ({
    level: compressed[0]?.[kind].level ?? 0,
    bytes: sum(compressed.map((one) => one[kind].bytes)),
  });
  return {
    compared: {
      dense: sum(compared.map(({ dense }) => dense)),
      packed: packed.length === all.length ? sum(packed) : null,
      ...(compressed.length === all.length && { compressed: { gzip: of("gzip"), brotli: of("brotli") } }),
    },
  };
}
