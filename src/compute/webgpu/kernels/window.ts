/**
 * Sums of |W| over the size × size neighbourhood in workgroup memory, one input channel after the other
 * through a strip of output rows. Nothing is ever subtracted, so a huge value leaves no error behind where
 * the window has passed it.
 *
 * Across output rows: four adjacent sums share their middle. Along input channels: the method of van Herk
 * and Gil–Werman (M. van Herk, Pattern Recognition Letters 13, 1992), as in cpu/kernel/window.ts: blocks of
 * `size` channels, a window being the end of one block (a suffix sum in the ring) and the beginning of the
 * next (a running prefix sum in a register). A thread is an output row and only touches its own column of
 * the ring, so the ring needs no barrier. Weights are read from memory when they enter the window; a second
 * ring holds them until they are its centre, which saves reading them again.
 */

/** Adjacent sums that share a middle. */
const SHARED = 4;

/** Sizes that the code of a window is made for. */
export interface WindowForm {
  /** Side of the window, odd. */
  readonly size: number;
  /** Output rows and threads of the workgroup, a multiple of 4. */
  readonly strip: number;
  /** Input channels loaded at a time. */
  readonly batch: number;
}

/** Bytes of workgroup memory that the window takes besides the tile. */
export const windowBytes = ({ size, strip, batch }: WindowForm): number =>
  4 * strip * (size + ((size - 1) / 2 + 1) + batch);

/**
 * WGSL of `sumAcross(thread)`, which makes `side`, [batch, strip], of the tile; `arrive(b, thread)`, which takes in
 * channel b of it without a window (before the first centre), and `slide(b, thread)`, which moves the window by it: its
 * sum is left in `windowSum`, its centre returned. Expects the constants STRIP, BATCH, WIDTH and `tile`.
 */
export function windowCode({ size, strip, batch }: WindowForm): string {
  const half = (size - 1) / 2;
  return `const SIZE = ${size}u;
const HALF = ${half}u;
var<workgroup> side: array<f32, ${batch * strip}>;
var<workgroup> ring: array<f32, ${size * strip}>;
var<workgroup> centres: array<f32, ${(half + 1) * strip}>;
// Where the next arrival goes in the ring, in its block and among the centres.
var<private> arrived: u32;
var<private> place: u32;
var<private> turn: u32;
var<private> prefix: f32;
var<private> windowSum: f32;

fn sumAcross(thread: u32) {
  for (var k = thread; k < BATCH * STRIP / ${SHARED}u; k += STRIP) {
    let b = k / (STRIP / ${SHARED}u);
    let j = ${SHARED}u * (k % (STRIP / ${SHARED}u));
    let at = b * WIDTH + j;
    let to = b * STRIP + j;
${size < SHARED ? separateSums(size) : sharedSums(size)}
  }
}

// The arrival's own weight, kept until it is a centre.
fn keepCentre(b: u32, thread: u32) {
  centres[turn * STRIP + thread] = tile[b * WIDTH + HALF + thread];
  turn = select(turn + 1u, 0u, turn == HALF);
}

fn arrive(b: u32, thread: u32) {
  keepCentre(b, thread);
  ring[arrived * STRIP + thread] = side[b * STRIP + thread];
  arrived++;
}

fn slide(b: u32, thread: u32) -> f32 {
  keepCentre(b, thread);
  let sum = side[b * STRIP + thread];
  if (place == 0u) {
    ring[(SIZE - 1u) * STRIP + thread] = sum;
    var suffix = sum;
    for (var r = SIZE - 1u; r > 0u; r--) {
      suffix += ring[(r - 1u) * STRIP + thread];
      ring[(r - 1u) * STRIP + thread] = suffix;
    }
    prefix = 0.0;
  } else {
    ring[(place - 1u) * STRIP + thread] = sum;
    prefix += sum;
  }
  windowSum = ring[place * STRIP + thread] + prefix;
  place = select(place + 1u, 0u, place + 1u == SIZE);
  // The oldest of the centres is the next to be overwritten.
  return centres[turn * STRIP + thread];
}`;
}

const separateSums = (size: number): string =>
  Array.from({ length: SHARED }, (_, j) => {
    const terms = Array.from({ length: size }, (_, d) => `tile[at + ${j + d}u]`);
    return `    side[to + ${j}u] = ${terms.join(" + ")};`;
  }).join("\n");

/** Window j is t[j] … t[j + size − 1]; all four hold t[3] … t[size − 1]. */
const sharedSums = (size: number): string => `    var middle = 0.0;
    for (var d = ${SHARED - 1}u; d < ${size}u; d++) {
      middle += tile[at + d];
    }
    let before2 = tile[at + 2u];
    let before1 = tile[at + 1u] + before2;
    let before0 = tile[at] + before1;
    let after1 = tile[at + ${size}u];
    let after2 = after1 + tile[at + ${size + 1}u];
    let after3 = after2 + tile[at + ${size + 2}u];
    side[to] = before0 + middle;
    side[to + 1u] = before1 + middle + after1;
    side[to + 2u] = before2 + middle + after2;
    side[to + 3u] = middle + after3;`;
