/** Choices of a fuzzing run. All come from one seed, so that a mutant can be made again. */
import { randomNumbers } from "../helpers/quantised.js";

/** A seeded source of choices. */
export class Random {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = randomNumbers(seed);
    // Neighbouring seeds differ in their low bits only; the first numbers show it.
    for (let k = 0; k < 4; k++) this.#next();
  }

  /** A whole number from 0 up to but without `end`. */
  below(end: number): number {
    return Math.floor(this.#next() * end);
  }

  chance(probability: number): boolean {
    return this.#next() < probability;
  }

  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** A whole number up to `most`, with all magnitudes alike: small ones are as frequent as large ones. */
  magnitude(most: number): number {
    return Math.floor(2 ** (this.#next() * Math.log2(most + 1)));
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}

/** The choices of mutant `index` of a run; they do not depend on the mutants before it. */
export const randomOf = (seed: number, index: number): Random =>
  new Random((Math.imul(seed, 0x9e3779b1) + index) >>> 0);
