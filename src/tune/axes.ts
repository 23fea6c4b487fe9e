/**
 * From parameters to dimensions of a unit cube and back: real numbers and odd integers have one each,
 * and all shares of a method together one fewer than they are.
 */
import type { Coefficients, Parameter } from "../score/index.js";
import type { Dimension } from "./optimise/index.js";

/** Parameters that take a part of the cube together. */
export interface Axis {
  readonly names: readonly string[];
  readonly dimensions: readonly Dimension[];
  /** @param point as many numbers from 0 to 1 as there are dimensions */
  decode(point: readonly number[]): Coefficients;
  encode(coefficients: Coefficients): readonly number[];
}

/** Decimals that coefficients are rounded to: more say nothing, and make records hard to read. */
const DECIMALS = 4;

/** The axes of a method's parameters. */
export function axesOf(parameters: readonly Parameter[]): readonly Axis[] {
  const shares = parameters.filter(({ values }) => values === "share");
  const others = parameters.filter(({ values }) => values !== "share");
  return [...(shares.length > 0 ? [simplex(shares.map(({ name }) => name))] : []), ...others.map(line)];
}

/** One number between the bounds of its search. */
function line({ name, min, max, searched = { min, max }, values }: Parameter): Axis {
  const length = searched.max - searched.min;
  const isOdd = values === "odd";
  return {
    names: [name],
    dimensions: [{ levels: isOdd ? length / 2 + 1 : null }],
    decode: ([x]) => ({
      [name]: isOdd
        ? searched.min + 2 * Math.round(((x as number) * length) / 2)
        : round(searched.min + (x as number) * length),
    }),
    encode: (coefficients) => [clamp(((coefficients[name] as number) - searched.min) / length)],
  };
}

/**
 * Shares that add up to 1. Each in turn takes its part of what is left, by a power that makes equal
 * volumes of the cube equal volumes of the simplex, so that uniform points are uniform shares.
 */
function simplex(names: readonly string[]): Axis {
  const free = names.slice(0, -1);
  return {
    names: free,
    dimensions: free.map(() => ({ levels: null })),
    decode: (point) => {
      let left = 1;
      const shares: Record<string, number> = {};
      for (const [k, name] of free.entries()) {
        const share = round(left * (1 - (point[k] as number) ** (1 / (free.length - k))));
        shares[name] = share;
        left = Math.max(0, round(left - share));
      }
      return { ...shares, [names.at(-1) as string]: left };
    },
    encode: (coefficients) => {
      let left = names.reduce((sum, name) => sum + (coefficients[name] as number), 0);
      return free.map((name, k) => {
        const share = coefficients[name] as number;
        const part = left > 0 ? share / left : 0;
        left -= share;
        return clamp((1 - part) ** (free.length - k));
      });
    },
  };
}

const round = (value: number): number => Math.round(value * 10 ** DECIMALS) / 10 ** DECIMALS;
const clamp = (value: number): number => Math.min(1, Math.max(0, value));
