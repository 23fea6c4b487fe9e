/**
 * Eigenvectors of a small symmetric matrix by Jacobi's method: turn pairs of axes until nothing is
 * left off the diagonal. For up to some 40 dimensions it is fast enough, short, and accurate for
 * small eigenvalues too (Golub and Van Loan, "Matrix Computations", §8.5; Demmel and Veselić,
 * "Jacobi's method is more accurate than QR", SIAM J. Matrix Anal. Appl. 13, 1992).
 */

/** matrix = Σ_k values[k] · vectors[·][k] · vectors[·][k]^T, in no particular order. */
export interface EigenDecomposition {
  /** [n] */
  readonly values: Float64Array;
  /** [n][n]; column k is the unit eigenvector of values[k], so a row is a coordinate. */
  readonly vectors: readonly Float64Array[];
}

/** Every matrix tried needed fewer than 12; a bound in case rounding never lets one end. */
const MOST_SWEEPS = 60;

/**
 * @param matrix [n][n], symmetric, finite; only its lower triangle is read
 */
export function eigenOfSymmetric(matrix: readonly (readonly number[])[]): EigenDecomposition {
  const n = matrix.length;
  const entry = (i: number, j: number) => (matrix[Math.max(i, j)] as readonly number[])[Math.min(i, j)] as number;
  const a = Array.from({ length: n }, (_, i) => Float64Array.from({ length: n }, (_, j) => entry(i, j)));
  const vectors = Array.from({ length: n }, (_, i) => Float64Array.from({ length: n }, (_, j) => (i === j ? 1 : 0)));
  const turning = [...a, ...vectors];
  for (let sweep = 0, turned = true; turned && sweep < MOST_SWEEPS; sweep++) {
    turned = false;
    for (let p = 0; p < n - 1; p++) for (let q = p + 1; q < n; q++) turned = turn(a, turning, p, q) || turned;
  }
  return { values: Float64Array.from(a, (row, i) => row[i] as number), vectors };
}

/**
 * Turns axes p and q of `a` in place so that a[p][q] becomes 0.
 *
 * @param turning the rows whose columns p and q turn: those of `a` and of the vectors
 * @returns false where a[p][q] was already too small beside a[p][p] and a[q][q] to matter
 */
function turn(a: readonly Float64Array[], turning: readonly Float64Array[], p: number, q: number): boolean {
  const rowP = a[p] as Float64Array;
  const rowQ = a[q] as Float64Array;
  const app = rowP[p] as number;
  const aqq = rowQ[q] as number;
  const apq = rowP[q] as number;
  if (Math.abs(apq) <= Number.EPSILON * Math.sqrt(Math.abs(app * aqq))) return false;
  // The smaller of the two angles whose turn clears a[p][q].
  const theta = (aqq - app) / (2 * apq);
  const tangent = Math.sign(theta || 1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const cosine = 1 / Math.hypot(tangent, 1);
  const sine = tangent * cosine;
  for (const row of turning) {
    const x = row[p] as number;
    const y = row[q] as number;
    row[p] = cosine * x - sine * y;
    row[q] = sine * x + cosine * y;
  }
  for (let k = 0; k < rowP.length; k++) {
    const x = rowP[k] as number;
    const y = rowQ[k] as number;
    rowP[k] = cosine * x - sine * y;
    rowQ[k] = sine * x + cosine * y;
  }
  // The formulas for these leave less rounding than the turn itself.
  rowP[p] = app - tangent * apq;
  rowQ[q] = aqq + tangent * apq;
  rowP[q] = 0;
  rowQ[p] = 0;
  return true;
}
