/** Figures as people read them. */
const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const UNITS = ["bytes", "kB", "MB", "GB"] as const;

/** 12,345 */
export const count = (value: number): string => whole.format(value);

/** A ratio 0 … 1 as `47.3%`. */
export const percent = (ratio: number): string => `${(100 * ratio).toFixed(1).replace(/\.0$/, "")}%`;

/** `5.8 MB`, in powers of a thousand. */
export function bytes(value: number): string {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, value)) / 3)));
  return `${short.format(value / 1000 ** power)} ${UNITS[power]}`;
}

/** `3.2 s` */
export const seconds = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} s`;
