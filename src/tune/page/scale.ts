/**
 * Scales of the plots: from values to places on an axis, with ticks at round numbers. An axis is
 * logarithmic where its values spread so far that a linear one would crowd most of them into a corner.
 */
import { figure } from "./figures.js";

/** One axis. */
export interface Scale {
  readonly kind: "linear" | "log";
  /** Ends of the axis, a little beyond the values. */
  readonly low: number;
  readonly high: number;
  /** Round numbers between the ends, ascending, with their texts. */
  readonly ticks: readonly { readonly value: number; readonly text: string }[];
  /** Where a value lies: 0 at the low end, 1 at the high end. */
  readonly at: (value: number) => number;
}

/** Largest over smallest value from which an axis is logarithmic. */
const LOG_SPREAD = 4;
/** Positive values below this are as good as 0, and have no decades below them. */
const SMALLEST = 1e-100;
/** Share of a value below which differences do not show. */
const SAME = 1e-9;
/** Share of the axis that is left free beyond the values, at each end. */
const MARGIN = 0.05;
/** How many ticks are good; there may be a few more or fewer. */
const ABOUT = 5;

/** A scale that fits the values; those that are not finite are left out of account. */
export function scaleOf(values: readonly number[]): Scale {
  const finite = values.filter(Number.isFinite);
  const least = finite.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const most = finite.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (finite.length === 0) return linearScale(0, 1);
  if (least > SMALLEST && most / least > LOG_SPREAD) {
    // By logarithms, because ratios can overflow: a ruined model's perplexity may be anything.
    const margin = Math.exp(MARGIN * (Math.log(most) - Math.log(least)));
    return logScale(least / margin, Math.min(most * margin, Number.MAX_VALUE));
  }
  const size = Math.max(Math.abs(least), Math.abs(most));
  // Values that differ in their last digits only are equal to the eye.
  const margin = MARGIN * (most - least > SAME * size ? most - least : size) || 1;
  // What is never negative has no room below 0.
  return linearScale(least >= 0 ? Math.max(0, least - margin) : least - margin, most + margin);
}

function linearScale(low: number, high: number): Scale {
  const values = niceTicks(low, high, ABOUT);
  const texts = linearTexts(values);
  return {
    kind: "linear",
    low,
    high,
    ticks: values.map((value, i) => ({ value, text: texts[i] as string })),
    at: (value) => (value - low) / (high - low),
  };
}

function logScale(low: number, high: number): Scale {
  const start = Math.log(low);
  const length = Math.log(high) - start;
  return {
    kind: "log",
    low,
    high,
    ticks: logTicks(low, high, ABOUT).map((value) => ({ value, text: figure(value, 3) })),
    at: (value) => (Math.log(value) - start) / length,
  };
}

/**
 * Multiples of 1, 2 or 5 times a power of ten.
 *
 * @param low, high finite, low < high
 * @param about how many are wanted
 * @returns ascending, equally far apart, all from `low` to `high`
 */
export function niceTicks(low: number, high: number, about: number): number[] {
  const raw = (high - low) / about;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= raw * 0.8) ?? 10);
  const first = Math.ceil(low / step);
  const ticks: number[] = [];
  // Bounded by count, because beyond 2^53 another step would not be another number.
  for (let k = 0; k <= 2 * about; k++) {
    // 3 · 0.1 is not 0.3 in binary; no −0.
    const tick = Number(((first + k) * step).toPrecision(15)) + 0;
    if (tick >= low && tick <= high) ticks.push(tick);
  }
  return ticks;
}

/**
 * Round numbers for a logarithmic axis: 1, 2 and 5 times powers of ten, the powers alone where those are
 * too many, every second or further power where even they are.
 *
 * @param low, high 0 < low < high
 * @param about how many are wanted
 */
export function logTicks(low: number, high: number, about: number): number[] {
  const most = 1.5 * about;
  const within = (value: number) => value >= low && value <= high;
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const powers = Array.from({ length: last - first + 1 }, (_, i) => Number(`1e${first + i}`));
  const fine = powers
    .flatMap((power) => [1, 2, 5].map((factor) => Number((factor * power).toPrecision(1))))
    .filter(within);
  if (fine.length < 3) return niceTicks(low, high, about).filter((tick) => tick > 0);
  if (fine.length <= most) return fine;
  const coarse = powers.filter(within);
  const stride = Math.ceil(coarse.length / most);
  return coarse.filter((_, i) => i % stride === 0);
}

/** Texts of equally spaced ticks, all with the decimals that tell them apart. */
function linearTexts(ticks: readonly number[]): string[] {
  const [first = 0, second = first + 1] = ticks;
  const largest = ticks.reduce((most, tick) => Math.max(most, Math.abs(tick)), 0);
  const decimals = Math.max(0, -Math.floor(Math.log10(second - first) + 1e-9));
  if (decimals > 5 || largest >= 1e6) return ticks.map((tick) => figure(tick, 4));
  return ticks.map((tick) =>
    tick
      .toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals })
      .replace("-", "−"),
  );
}
