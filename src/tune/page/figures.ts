/** Figures as the page prints them: few digits, a real minus sign, a dash for what is not known. */
import type { Coefficients } from "../../score/index.js";
import type { Candidate } from "../candidate.js";

/** For a figure that was not measured or does not exist. */
export const NO_FIGURE = "–";

const isFigure = (value: number | null | undefined): value is number =>
  typeof value === "number" && Number.isFinite(value);
const minus = (text: string): string => text.replace("-", "−");

/** Any figure with a few significant digits: `0.4338`, `1,234`, `−0.07`, `2.5×10⁶`. */
export function figure(value: number | null | undefined, digits = 4): string {
  if (!isFigure(value)) return NO_FIGURE;
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e6 || size < 1e-4)) return exponential(value, digits);
  const precision = size >= 10 ** digits ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: digits };
  return minus(value.toLocaleString("en-US", precision));
}

/** `2.5×10⁶`; a mantissa of 1 is left out: `10⁶`. */
function exponential(value: number, digits: number): string {
  const [mantissa = "", exponent = ""] = value.toExponential(digits - 1).split("e");
  const power = [...String(Number(exponent))].map((digit) => SUPERSCRIPTS[digit]).join("");
  return Number(mantissa) === 1 ? `10${power}` : minus(`${Number(mantissa)}×10${power}`);
}

const SUPERSCRIPTS: Readonly<Record<string, string>> = Object.fromEntries(
  [..."-0123456789"].map((digit, i) => [digit, [..."⁻⁰¹²³⁴⁵⁶⁷⁸⁹"][i] as string]),
);

/** A figure of the judge: with two decimals as long as they say anything, which they do of perplexities. */
export function judgedFigure(value: number | null | undefined): string {
  if (!isFigure(value) || Math.abs(value) >= 10_000 || Math.abs(value) < 1) return figure(value);
  return minus(value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 }));
}

/** A word as it begins a sentence. */
export const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** A rank correlation: `0.97`, `−0.40`. */
export const rho = (value: number | null | undefined): string =>
  isFigure(value) ? minus(value.toFixed(2)) : NO_FIGURE;

/** How far `value` is from `base`, in percent with its sign: `−18.1%`, `+2.3%`, `±0.0%`. */
export function change(value: number | null | undefined, base: number | null | undefined): string {
  if (!isFigure(value) || !isFigure(base) || base === 0) return NO_FIGURE;
  const percent = ((100 * (value - base)) / Math.abs(base)).toFixed(1);
  if (Number(percent) === 0) return "±0.0%";
  return minus(Number(percent) > 0 ? `+${percent}%` : `${percent}%`);
}

/** Seconds in the unit that fits: `4 ms`, `1.3 s`, `42 s`, `5.4 min`, `3.5 h`. */
export function duration(seconds: number | null | undefined): string {
  if (!isFigure(seconds)) return NO_FIGURE;
  if (seconds < 0.0995) return `${Math.round(1000 * seconds)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 99.5) return `${Math.round(seconds)} s`;
  const minutes = seconds / 60;
  if (minutes < 9.95) return `${minutes.toFixed(1)} min`;
  return minutes < 99.5 ? `${Math.round(minutes)} min` : `${(minutes / 60).toFixed(1)} h`;
}

/** Coefficients in words, in the order of the method's parameters: `row 0, column 0.54, …`. */
const coefficientsText = (values: Coefficients): string =>
  Object.entries(values)
    .map(([name, value]) => `${name} ${figure(value)}`)
    .join(", ");

/** The parts of a model that have coefficients of their own, with what to call them; none where all weights share theirs. */
export function partsOf({ coefficients: { byKind, byDepth } }: Candidate): [name: string, values: Coefficients][] {
  if (byKind !== undefined) return Object.entries(byKind);
  return (byDepth ?? []).map((values, i, all) => [`part ${i + 1} of ${all.length}`, values]);
}

/** A candidate in words, for the tip of a dot; one part of the model a line. */
export function candidateText(candidate: Candidate): string {
  const parts = partsOf(candidate);
  const coefficients =
    parts.length === 0
      ? coefficientsText(candidate.coefficients.all)
      : parts.map(([name, values]) => `${name}: ${coefficientsText(values)}`).join("\n");
  return candidate.passes === 1 ? coefficients : `${coefficients}\n${candidate.passes} passes`;
}
