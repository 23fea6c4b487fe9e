/**
 * Eigenvalues of a diagonal matrix with a change of rank one, D + ρ z zᵀ: the roots of the secular equation
 * 1 / ρ + Σ z_j² / (d_j − λ) = 0, one between each pair of neighbouring d and one behind the last (Golub & Van Loan,
 * Matrix Computations, 8.4.3). Each is found as its distance from the nearer d, to the last digit: eigenvectors depend
 * on these differences, not on the eigenvalues.
 */

/** A root λ = d[origin] + offset. */
export interface SecularRoot {
  readonly origin: number;
  readonly offset: number;
}

/** More than ever needed: halving an interval of doubles ends sooner. */
const MOST_STEPS = 100;

/** Share of its terms that the function cannot be known to. */
const ROUNDING = 16 * Number.EPSILON;

/**
 * The root of number `index`, from 0, in ascending order.
 *
 * @param d ascending, no two the same, [size]
 * @param z none of them 0, [size]
 * @param rho above 0
 */
export function secularRoot(index: number, d: Float64Array, z: Float64Array, rho: number): SecularRoot {
  const size = d.length;
  const isLast = index === size - 1;
  const lower = d[index] as number;
  let norm = 0;
  for (const value of z) norm += value * value;
  const gap = isLast ? rho * norm : (d[index + 1] as number) - lower;
  const terms = new Terms(index, d, z, 1 / rho);
  // Which of the two poles is nearer is known from the sign in the middle, where the function rises.
  terms.at(index, gap / 2);
  const isNearer = isLast || terms.value >= 0;
  const origin = isNearer ? index : index + 1;
  let [low, high] = isNearer ? [0, terms.value >= 0 ? gap / 2 : gap] : [-gap / 2, 0];
  if (isLast && terms.value < 0) low = gap / 2;
  let offset = (low + high) / 2;
  for (let step = 0; step < MOST_STEPS; step++) {
    terms.at(origin, offset);
    if (Math.abs(terms.value) <= ROUNDING * terms.size) break;
    if (terms.value < 0) low = offset;
    else high = offset;
    let next = offset + terms.step(isLast);
    if (!(next > low && next < high)) next = (low + high) / 2;
    if (next === offset || next === low || next === high) break;
    offset = next;
  }
  return { origin, offset };
}

/** The secular function at a place, in two parts: the poles up to that of the root's number, and those after it. */
class Terms {
  value = 0;
  /** The sum of what was added, without signs. */
  size = 0;
  private before = 0;
  private slopeBefore = 0;
  private after = 0;
  private slopeAfter = 0;
  /** Distances of the root's neighbouring poles from the place. */
  private toLower = 0;
  private toUpper = 0;

  constructor(
    private readonly index: number,
    private readonly d: Float64Array,
    private readonly z: Float64Array,
    private readonly constant: number,
  ) {}

  /** Looks at d[origin] + offset. */
  at(origin: number, offset: number): void {
    const { index, d, z, constant } = this;
    const from = d[origin] as number;
    let [before, slopeBefore, after, slopeAfter] = [0, 0, 0, 0];
    for (let j = 0; j <= index; j++) {
      const ratio = (z[j] as number) / ((d[j] as number) - from - offset);
      before += ratio * (z[j] as number);
      slopeBefore += ratio * ratio;
    }
    for (let j = index + 1; j < d.length; j++) {
      const ratio = (z[j] as number) / ((d[j] as number) - from - offset);
      after += ratio * (z[j] as number);
      slopeAfter += ratio * ratio;
    }
    this.value = constant + before + after;
    this.size = constant - before + after;
    this.toLower = (d[index] as number) - from - offset;
    this.toUpper = (d[index + 1] as number) - from - offset;
    this.before = before;
    this.slopeBefore = slopeBefore;
    this.after = after;
    this.slopeAfter = slopeAfter;
  }

  /**
   * How far it is to the root, if each part were a constant and one pole, the root's neighbour, with the value and the
   * slope that it has here (Bunch, Nielsen & Sorensen 1978).
   */
  step(isLast: boolean): number {
    const { toLower: a, toUpper: b } = this;
    const s = this.slopeBefore * a * a;
    const constant = this.constant + this.before - this.slopeBefore * a;
    // constant + s / (a − η) = 0
    if (isLast) return a + s / constant;
    const t = this.slopeAfter * b * b;
    const c = constant + this.after - this.slopeAfter * b;
    // c + s / (a − η) + t / (b − η) = 0, of which one root lies between the poles.
    const p = c * (a + b) + s + t;
    const q = c * a * b + s * b + t * a;
    const root = Math.sqrt(Math.max(0, p * p - 4 * q * c));
    return p <= 0 ? (p - root) / (2 * c) : (2 * q) / (p + root);
  }
}
