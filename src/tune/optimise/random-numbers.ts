/**
 * Seeded random numbers whose whole state is JSON, so that a search can be stopped and gone on with.
 * The generator is xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom number
 * generators", ACM TOMS 2021); normals come from Marsaglia's polar method, which makes two at a time.
 */

/** State of a generator, plain JSON. */
export interface RandomState {
  /** Four 32-bit words, not all 0. */
  readonly words: readonly number[];
  /** The second normal of the last pair, where it is not used yet. */
  readonly spare: number | null;
}

/** The state that a seed stands for. `seed`: a whole number, 0 … 2^53 − 1. */
export function seededState(seed: number): RandomState {
  const low = seed >>> 0;
  const high = Math.floor(seed / 2 ** 32);
  // Each word is a scrambled counter. Scrambling is a bijection, so at most one word is 0.
  const origin = (scramble(high ^ 0x9e3779b9) ^ low) >>> 0;
  return { words: [1, 2, 3, 4].map((k) => scramble((origin + Math.imul(k, 0x9e3779b9)) >>> 0)), spare: null };
}

/** The finaliser of MurmurHash3: a bijection of 32-bit words that spreads every bit over all of them. */
function scramble(word: number): number {
  let x = word;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

const rotateLeft = (word: number, bits: number): number => (word << bits) | (word >>> (32 - bits));

/** A generator that starts from a state; the state itself is not changed. */
export class RandomNumbers {
  #a: number;
  #b: number;
  #c: number;
  #d: number;
  #spare: number | null;

  constructor({ words, spare }: RandomState) {
    [this.#a, this.#b, this.#c, this.#d] = words as [number, number, number, number];
    this.#spare = spare;
  }

  /** The state from which another generator goes on as this one would. */
  get state(): RandomState {
    return { words: [this.#a >>> 0, this.#b >>> 0, this.#c >>> 0, this.#d >>> 0], spare: this.#spare };
  }

  /** A number of [0, 1) with 53 random bits. */
  uniform(): number {
    const high = this.#next() >>> 5;
    const low = this.#next() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  /** A whole number of [0, count). */
  below(count: number): number {
    return Math.floor(this.uniform() * count);
  }

  /** A number with mean 0 and variance 1, normally distributed. */
  normal(): number {
    if (this.#spare !== null) {
      const spare = this.#spare;
      this.#spare = null;
      return spare;
    }
    for (;;) {
      const x = 2 * this.uniform() - 1;
      const y = 2 * this.uniform() - 1;
      const square = x * x + y * y;
      if (square > 0 && square < 1) {
        const factor = Math.sqrt((-2 * Math.log(square)) / square);
        this.#spare = y * factor;
        return x * factor;
      }
    }
  }

  /** The next 32 bits. */
  #next(): number {
    const result = Math.imul(rotateLeft(Math.imul(this.#b, 5), 7), 9);
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotateLeft(this.#d, 11);
    return result >>> 0;
  }
}
