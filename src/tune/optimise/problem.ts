/**
 * The options of an optimiser, checked and complete, and what follows from them about single
 * coordinates: levels and where they lie.
 */
import {
  badOption,
  dottedLabel,
  isOptionsObject,
  type Label,
  OptionReader,
  type Read,
} from "../../options/option-reader.js";
import type { Dimension, OptimiserOptions } from "./optimiser.js";

/** Options with defaults filled in. Plain JSON, frozen. */
export interface Problem {
  readonly dimensions: readonly Dimension[];
  readonly seed: number;
  /** [n], on its levels; null where the caller gave none. */
  readonly start: readonly number[] | null;
  readonly step: number;
}

const DEFAULT_STEP = 0.3;

/**
 * @throws PruneError `bad-option` for a value that makes no sense, `unknown-option` for a key that does not exist
 */
export function readProblem(options: OptimiserOptions): Problem {
  const label = dottedLabel("optimiser");
  if (!isOptionsObject(options)) throw badOption(label, "an object of options", options);
  const reader = new OptionReader<keyof OptimiserOptions>(options, label);
  const dimensions = reader.get("dimensions", mustBeDimensions);
  const seed = reader.get("seed", mustBeSeed);
  const start = reader.get("start", mustBePoint);
  const step = reader.get("step", mustBeStep) ?? DEFAULT_STEP;
  reader.refuseUnread();
  if (dimensions === undefined) throw badOption(label.of("dimensions"), DIMENSIONS, undefined);
  if (seed === undefined) throw badOption(label.of("seed"), SEED, undefined);
  if (start !== undefined && start.length !== dimensions.length)
    throw badOption(label.of("start"), `${dimensions.length} numbers, one for each dimension`, start);
  const onLevels = start?.map((value, i) => nearestLevel(value, (dimensions[i] as Dimension).levels)) ?? null;
  return Object.freeze({ dimensions, seed, start: onLevels, step });
}

/**
 * The value that a discrete coordinate takes for `value`: its nearest level, or the first or last
 * one outside of the cube. Where every number is allowed, `value` itself.
 */
export function nearestLevel(value: number, levels: number | null): number {
  if (levels === null) return value;
  return Math.min(levels - 1, Math.max(0, Math.round(value * (levels - 1)))) / (levels - 1);
}

const DIMENSIONS = "an array of at least one { levels }";
const SEED = "a whole number from 0 to 2^53 − 1";

const mustBeDimensions: Read<readonly Dimension[]> = (value, label) => {
  if (!Array.isArray(value) || value.length === 0) throw badOption(label, DIMENSIONS, value);
  return Object.freeze(value.map((dimension, i) => readDimension(dimension, label.of(String(i)))));
};

function readDimension(value: unknown, label: Label): Dimension {
  if (!isOptionsObject(value)) throw badOption(label, "{ levels }", value);
  const reader = new OptionReader<keyof Dimension>(value, label);
  const levels = reader.get("levels", mustBeLevels);
  reader.refuseUnread();
  if (levels === undefined) throw badOption(label.of("levels"), LEVELS, undefined);
  return Object.freeze({ levels });
}

const LEVELS = "a whole number of at least 2, or null for a continuous dimension";

const mustBeLevels: Read<number | null> = (value, label) => {
  if (value === null) return null;
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 2) throw badOption(label, LEVELS, value);
  return value;
};

const mustBeSeed: Read<number> = (value, label) => {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw badOption(label, SEED, value);
  return value;
};

const mustBePoint: Read<readonly number[]> = (value, label) => {
  if (!Array.isArray(value)) throw badOption(label, "an array of numbers from 0 to 1", value);
  const wrong = value.findIndex((x) => !(typeof x === "number" && x >= 0 && x <= 1));
  if (wrong >= 0) throw badOption(label.of(String(wrong)), "a number from 0 to 1", value[wrong]);
  return value;
};

const mustBeStep: Read<number> = (value, label) => {
  if (typeof value !== "number" || !(value > 0 && value <= 1))
    throw badOption(label, "a number above 0 and at most 1", value);
  return value;
};
