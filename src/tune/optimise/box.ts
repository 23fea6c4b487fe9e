/**
 * How CMA-ES searches a box without knowing that there is one: every real number stands for a point
 * of [0, 1], by Hansen's boundary transformation (module `transformations` of pycma). Inside it is
 * the identity; near a side it is a parabola that touches the side, so that a function that is
 * linear at the side is quadratic to the search; beyond, everything repeats, mirrored.
 *
 * Chosen over repair with a penalty, because it needs no weight that depends on the scale of the
 * objective (the search stays invariant to it), and over drawing again, which in many dimensions
 * near a corner takes long and bends the distribution.
 */

/** Half width of the parabola. */
const RIM = 0.05;
/** The images of the search coordinate repeat after one way forth and one back. */
const PERIOD = 2 * (1 + 2 * RIM);

/** The point of [0, 1] that a search coordinate stands for. Continuously differentiable. */
export function intoBox(coordinate: number): number {
  const along = coordinate + RIM - PERIOD * Math.floor((coordinate + RIM) / PERIOD);
  const fromSide = along <= PERIOD / 2 ? along : PERIOD - along;
  const x =
    fromSide < 2 * RIM
      ? fromSide ** 2 / (4 * RIM)
      : fromSide > 1
        ? 1 - (PERIOD / 2 - fromSide) ** 2 / (4 * RIM)
        : fromSide - RIM;
  return Math.min(1, Math.max(0, x));
}

/** A search coordinate that stands for `x`, 0 ≤ x ≤ 1: the one in the first, unmirrored image. */
export function outOfBox(x: number): number {
  if (x < RIM) return Math.sqrt(4 * RIM * x) - RIM;
  if (x > 1 - RIM) return 1 + RIM - Math.sqrt(4 * RIM * (1 - x));
  return x;
}
