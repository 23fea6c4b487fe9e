/**
 * What one job asks for, and where everything it needs lies in memory. The host calls `plan` first,
 * grows the memory to the size it returns, and only then touches an address.
 *
 * Inside the kernel a weight is |W| as float32, laid out [in, out] with the output rows fastest and
 * padded with zeros to a multiple of 16. One vector then holds four output rows of one input
 * channel, so a group of N:M is M vectors, and a row of the matrix never has a tail.
 * Work goes in strips of output rows, narrow enough that what a strip needs stays in the cache.
 */

/** In which sets scores compete. */
export const enum Rule {
  Group,
  Row,
  Matrix,
  /** Groups of input channels that the kernel chooses. */
  Permuted,
}

/** How elements are stored. */
export const enum Stored {
  Float32,
  Float16,
  Bfloat16,
}

/** Widest strip, in output rows. A window's ring of 63 such rows takes 63 kB. */
const STRIP: usize = 256;
/** Row scope keeps a strip's scores of all input channels: at most this many bytes, half of a usual level-2 cache… */
const STRIP_BYTES: usize = 512 << 10;
/** …unless that made strips narrower than this, where windows would mostly work on each other's borders. */
const NARROWEST_STRIP: usize = 64;
/** Groups of input channels that exchange members: each pair of them is weighed up, for every output row. */
export const BLOCK: usize = 256;
/** Output rows that are weighed up at a time: what a block needs of them then stays in the cache. */
export const WEIGHED_ROWS: usize = 128;
/** Stored bytes are converted in pieces of about this size, so that they are still in the cache. */
const STAGING_BYTES: usize = 256 << 10;

// The job. The host sets these exported globals.
export let outputs: usize = 0;
export let inputs: usize = 0;
export let dtype: Stored = Stored.Float32;
/** Whether storage is [out, in]; else [in, out]. */
export let outputMajor: bool = false;
export let rowCoefficient: f64 = 0;
export let columnCoefficient: f64 = 0;
export let windowCoefficient: f64 = 0;
export let oneCoefficient: f64 = 0;
/** Side of the window, odd. */
export let size: usize = 1;
export let rule: Rule = Rule.Group;
/** How many stay of each set in which scores compete. */
export let keepCount: usize = 0;
/** M of N:M, else 1. */
export let groupSize: usize = 1;
/** Bits of a code where affine codes are stored, else 0; with codes, `dtype` is float32 and all of these are set. */
export let codeBits: usize = 0;
/** Whether codes are two's complement. */
export let signedCodes: bool = false;
/** Elements that one stored row takes, with the padding behind its columns. */
export let rowElements: usize = 0;
/** Stored rows and columns that share a scale. */
export let rowGroup: usize = 1;
export let columnGroup: usize = 1;

// Lengths, in elements.
/** `outputs` rounded up to a multiple of 16. */
export let stride: usize = 0;
export let stripWidth: usize = 0;
/** Columns of the storage. */
export let columns: usize = 0;
/** Rows of storage that fit in the staging area. */
export let stagingRows: usize = 0;
/** Groups of columns that share a scale. */
export let codeGroups: usize = 0;

// Addresses. float32 unless said otherwise.
/** Stored bytes on their way in. */
export let staging: usize = 0;
/** Codes on their way to the staging area. */
export let codes: usize = 0;
/** Of each group of rows and columns, the scale, and the code of zero (int16). */
export let scales: usize = 0;
export let zeros: usize = 0;
/** |W|, [in, stride], see `weightAt`; a multiple of four rows, so that blocks of 4 × 4 may be stored whole. */
export let weight: usize = 0;
/** stat(i)^power, [in]. */
export let factor: usize = 0;
/** column / mean_col(i), [in]. */
export let columnTerm: usize = 0;
/** one + row / mean_row(o), [stride]. */
export let rowTerm: usize = 0;
/** window · cells of the window along the output rows, [stride]. */
export let windowTerm: usize = 0;
/** Sums over input channels, float64, [stride], and their float32 part, [stride]. */
export let rowSums: usize = 0;
export let partialSums: usize = 0;
/** Rows of window sums, [size, STRIP]; see `window.ts`. */
export let ring: usize = 0;
export let prefix: usize = 0;
/** One row of a strip with its borders, and its sums of 4 and of 16 neighbours. */
export let border: usize = 0;
export let sums4: usize = 0;
export let sums16: usize = 0;
/** [in, stripWidth] for rows, [in, stride] for the matrix and permuted groups. */
export let scores: usize = 0;
/** Scores of one group, [groupSize, stripWidth]. */
export let groupScores: usize = 0;
/** Lanes that stay (all ones) or go (zeros), int32, [groupSize or 1, STRIP]. */
export let kept: usize = 0;
/** Scores of one group whose ties are settled, and where in the group each was (uint32), [groupSize]. */
export let values: usize = 0;
export let places: usize = 0;
/** Per output row the score above which weights stay, and how many of those equal to it do (int32), [stride]. */
export let thresholds: usize = 0;
export let ties: usize = 0;
/** Scores of four output rows, each [in] without gaps; see `keep.ts`. */
export let lines: usize = 0;
/** Kept bits of up to 32 input channels, uint32, [STRIP]. */
export let words: usize = 0;
/** Input channels (uint32) in the order in which every `groupSize` are a group, [in]; see `permute.ts`. */
export let channels: usize = 0;
/** Input channels by importance, uint64, [in]. */
export let importances: usize = 0;
/** Of a block of groups: scores of the members to be dealt out, and what a score must exceed, [BLOCK, WEIGHED_ROWS]. */
export let candidates: usize = 0;
export let limits: usize = 0;
/** The highest scores of a group for four output rows, [groupSize, 4]. */
export let highest: usize = 0;
/** What a group (first axis) keeps with a candidate (second), [BLOCK, BLOCK]. */
export let gains: usize = 0;
/** See `assign.ts`: per candidate its price, that of those not yet tried, the least loss on the way to it (float32)… */
export let prices: usize = 0;
export let openPrices: usize = 0;
export let losses: usize = 0;
/** …the group the way comes from, and the group that has it; per group the candidate that it has (int32), [BLOCK]. */
export let comesFrom: usize = 0;
export let ownerOf: usize = 0;
export let candidateOf: usize = 0;
/** The result: one bit per weight in storage order. */
export let bits: usize = 0;

/** Address of |W| of input channel i and output row o. */
export function weightAt(i: usize, o: usize): usize {
  return weight + ((i * stride + o) << 2);
}

let next: u64 = 0;

function reserve(bytes: u64): usize {
  const address = next;
  next += (bytes + 63) & ~63;
  return <usize>address;
}

/**
 * Lays out the memory for the job.
 *
 * @returns bytes of memory the job needs; where that is more than 2^32 it cannot be done
 */
export function plan(): f64 {
  const wholeRows: u64 = (inputs + 3) & ~3;
  stride = (outputs + 15) & ~15;
  stripWidth = rule == Rule.Row ? max(NARROWEST_STRIP, min(STRIP, (STRIP_BYTES / (inputs << 2)) & ~15)) : STRIP;
  columns = outputMajor ? inputs : outputs;
  const storedRow: u64 = (dtype == Stored.Float32 ? 4 : 2) * columns;
  // Whole blocks of 16 rows: transposing then writes whole cache lines.
  stagingRows = <usize>max<u64>(16, (STAGING_BYTES / storedRow) & ~15);
  const borderBytes: u64 = (STRIP + 128) << 2;
  next = __heap_base;
  staging = reserve(stagingRows * storedRow + 64);
  if (codeBits > 0) reserveCodes();
  factor = reserve(<u64>inputs << 2);
  columnTerm = reserve(<u64>inputs << 2);
  rowTerm = reserve(<u64>stride << 2);
  windowTerm = reserve(<u64>stride << 2);
  rowSums = reserve(<u64>stride << 3);
  partialSums = reserve(<u64>stride << 2);
  ring = reserve((size * STRIP) << 2);
  prefix = reserve(STRIP << 2);
  border = reserve(borderBytes);
  sums4 = reserve(borderBytes);
  sums16 = reserve(borderBytes);
  kept = reserve((<u64>groupSize * STRIP) << 2);
  values = reserve(<u64>groupSize << 2);
  places = reserve(<u64>groupSize << 2);
  thresholds = reserve(<u64>stride << 2);
  ties = reserve(<u64>stride << 2);
  lines = reserve(wholeRows << 4);
  words = reserve(STRIP << 2);
  bits = reserve(((<u64>outputs * inputs) >> 3) + 16);
  if (rule == Rule.Group || rule == Rule.Permuted) groupScores = reserve((<u64>groupSize * STRIP) << 2);
  if (rule == Rule.Permuted) reservePermutation();
  if (rule != Rule.Group) scores = reserve((wholeRows * (rule == Rule.Row ? stripWidth : stride)) << 2);
  weight = reserve((wholeRows * stride + 64) << 2);
  return <f64>next;
}

function reserveCodes(): void {
  codeGroups = (columns + columnGroup - 1) / columnGroup;
  const rows = outputMajor ? outputs : inputs;
  const groups: u64 = <u64>((rows + rowGroup - 1) / rowGroup) * codeGroups;
  codes = reserve(((<u64>stagingRows * rowElements * codeBits) >> 3) + 64);
  scales = reserve(groups << 2);
  zeros = reserve(groups << 1);
}

function reservePermutation(): void {
  channels = reserve(<u64>inputs << 2);
  importances = reserve(<u64>inputs << 3);
  candidates = reserve((BLOCK * WEIGHED_ROWS) << 2);
  limits = reserve((BLOCK * WEIGHED_ROWS) << 2);
  highest = reserve(<u64>groupSize << 4);
  gains = reserve((BLOCK * BLOCK) << 2);
  prices = reserve(BLOCK << 2);
  openPrices = reserve(BLOCK << 2);
  losses = reserve(BLOCK << 2);
  comesFrom = reserve(BLOCK << 2);
  ownerOf = reserve(BLOCK << 2);
  candidateOf = reserve(BLOCK << 2);
}
