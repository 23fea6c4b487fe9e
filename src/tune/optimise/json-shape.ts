/**
 * Small checks of data that comes back from JSON: a checkpoint may be from another version, or have
 * been edited, and must then be refused rather than believed.
 */
import type { RandomState } from "./random-numbers.js";

/** An object with keys, not an array. */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A number that is neither NaN nor infinite. */
export const isFiniteNumber = (value: unknown): value is number => Number.isFinite(value);

/** A whole number of at least `min`. */
export const isCount = (value: unknown, min = 0): value is number =>
  Number.isSafeInteger(value) && Number(value) >= min;

/** Finite numbers; `length` of them where it is given. */
export const areNumbers = (value: unknown, length?: number): value is readonly number[] =>
  Array.isArray(value) && (length === undefined || value.length === length) && value.every(isFiniteNumber);

/** `n` numbers from 0 to 1. */
export const isPoint = (value: unknown, n: number): value is readonly number[] =>
  areNumbers(value, n) && value.every((x) => x >= 0 && x <= 1);

/** The state of a random generator: four 32-bit words, not all 0, and a spare normal or none. */
export const isRandomState = (value: unknown): value is RandomState =>
  isRecord(value) &&
  areNumbers(value.words, 4) &&
  value.words.every((word) => word === word >>> 0) &&
  value.words.some((word) => word !== 0) &&
  (value.spare === null || isFiniteNumber(value.spare));
