/** Rank correlation, for judging objectives. */

/**
 * Spearman's rank correlation ρ: Pearson's correlation of ranks, equal values sharing their mean rank.
 *
 * @param x, y as long as each other
 * @returns −1 … 1; NaN where a side is constant or there are fewer than two pairs
 */
export function spearman(x: readonly number[], y: readonly number[]): number {
  return pearson(ranks(x), ranks(y));
}

/**
 * How far an objective ranks candidates as the judge does: its ρ, or −ρ where higher values are better;
 * −1 where there is none.
 */
export function agreement(objective: { readonly better: "lower" | "higher"; readonly spearman: number }): number {
  const { better, spearman: rho } = objective;
  return Number.isNaN(rho) ? -1 : better === "lower" ? rho : -rho;
}

/** Rank of each value from 1, the smallest; equal values share the mean of their ranks. */
export function ranks(values: readonly number[]): number[] {
  const order = values.map((_, index) => index).sort((a, b) => (values[a] as number) - (values[b] as number));
  const result = new Array<number>(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && values[order[end] as number] === values[order[start] as number]) end++;
    for (let k = start; k < end; k++) result[order[k] as number] = (start + end + 1) / 2;
    start = end;
  }
  return result;
}

function pearson(x: readonly number[], y: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [mx, my] = [mean(x), mean(y)];
  let [xy, xx, yy] = [0, 0, 0];
  for (const [i, value] of x.entries()) {
    const [dx, dy] = [value - mx, (y[i] as number) - my];
    xy += dx * dy;
    xx += dx * dx;
    yy += dy * dy;
  }
  return xy / Math.sqrt(xx * yy);
}
