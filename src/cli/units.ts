/** Numbers as people read them: counts with separators, bytes, seconds, shares, perplexities. */

/** `53,084,160` */
export const formatCount = (count: number): string => count.toLocaleString("en-US");

/** Bytes in decimal units: `532 B`, `1.3 MB`, `2.15 GB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 999_950) return `${(bytes / 1e3).toFixed(1)} kB`;
  if (bytes < 999_950_000) return `${(bytes / 1e6).toFixed(1)} MB`;
  return `${(bytes / 1e9).toFixed(2)} GB`;
}

/** Seconds: `0.3 s`, `42 s`, `3 min 5 s`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return whole < 100 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** A ratio 0 … 1 in percent; what is not zero never reads as zero, what is not all never as all. */
export function formatShare(ratio: number): string {
  if (ratio > 0 && ratio < 0.0005) return "<0.1%";
  if (ratio < 1 && ratio >= 0.9995) return ">99.9%";
  return `${(100 * ratio).toFixed(1)}%`;
}

/** A perplexity, with two decimals as long as that says anything. */
export function formatPerplexity(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  return value < 1e6
    ? value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })
    : value.toExponential(2);
}

/** A figure of the judge of a tuning: as a perplexity, small ones with the digits that tell them apart. */
export const formatJudged = (value: number): string =>
  (Math.abs(value) < 1 ? String(Number(value.toPrecision(4))) : formatPerplexity(value)).replace(/^-/, "−");

/** Steps of a phase, `12/32`; large totals are bytes or the like and get a unit: `269.6/539.3 M`. */
export function formatSteps(done: number, total: number): string {
  return total < 100_000 ? `${done}/${total}` : `${(done / 1e6).toFixed(1)}/${(total / 1e6).toFixed(1)} M`;
}
