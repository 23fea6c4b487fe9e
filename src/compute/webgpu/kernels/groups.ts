/**
 * N:M in registers: which of the M scores of a group stay. Scores are keys, their bits, which order like
 * the floats. Ranks are counted by comparisons as if of two equal scores the lower channel beat the other;
 * where scores tie at the cut, the group falls as a quick select leaves it, like the CPU's (cpu/kernel/ties.ts
 * says why).
 */

/** Up to this M the comparisons are written out, each pair once. */
const WRITTEN_OUT = 8;

/**
 * WGSL of `keepBest(start)`, which sets `stays` (bit c for channel c of the group, channels from 32 on in the
 * second word) from `keys[start]` … `keys[start + M − 1]`.
 *
 * @param keep N, 0 … M
 * @param size M, at most 64
 */
export function groupsCode(keep: number, size: number): string {
  const head = "var<private> stays: vec2<u32>;\n";
  if (keep === 0) return `${head}\nfn keepBest(start: u32) {\n  stays = vec2(0u, 0u);\n}`;
  if (keep === size) {
    const all = (bits: number) => (bits >= 32 ? "0xffffffffu" : `${2 ** Math.max(0, bits) - 1}u`);
    return `${head}\nfn keepBest(start: u32) {\n  stays = vec2(${all(size)}, ${all(size - 32)});\n}`;
  }
  return `${head}
${setBit(size)}

fn keepBest(start: u32) {
  stays = vec2(0u, 0u);
  var leastKept = 0xffffffffu;
  var mostGone = 0u;
${size <= WRITTEN_OUT ? writtenOut(keep, size) : counted(keep, size)}
  if (leastKept == mostGone) {
    settleTies(start);
  }
}

${tiesCode(keep, size)}`;
}

const setBit = (size: number): string =>
  size <= 32
    ? `fn setStay(c: u32) {
  stays.x |= 1u << c;
}`
    : `fn setStay(c: u32) {
  if (c < 32u) {
    stays.x |= 1u << c;
  } else {
    stays.y |= 1u << (c - 32u);
  }
}`;

function writtenOut(keep: number, size: number): string {
  const channels = Array.from({ length: size }, (_, c) => c);
  const loads = channels.map((c) => `  let k${c} = keys[start + ${c}u];`);
  // A win of the later channel is a loss of the earlier one; wherever it does not win, it loses.
  const pairs = channels.flatMap((c) => channels.slice(c + 1).map((d) => `  let w${c}_${d} = u32(k${d} > k${c});`));
  const ranks = channels.map((c) => {
    const losses = [
      ...channels.slice(c + 1).map((d) => `w${c}_${d}`),
      ...channels.slice(0, c).map((b) => `(1u - w${b}_${c})`),
    ];
    return `  if (${losses.join(" + ")} < ${keep}u) {
    setStay(${c}u);
    leastKept = min(leastKept, k${c});
  } else {
    mostGone = max(mostGone, k${c});
  }`;
  });
  return [...loads, ...pairs, ...ranks].join("\n");
}

const counted = (keep: number, size: number): string => `  for (var c = 0u; c < ${size}u; c++) {
    let own = keys[start + c];
    var losses = 0u;
    for (var d = 0u; d < c; d++) {
      losses += u32(keys[start + d] >= own);
    }
    for (var d = c + 1u; d < ${size}u; d++) {
      losses += u32(keys[start + d] > own);
    }
    if (losses < ${keep}u) {
      setStay(c);
      leastKept = min(leastKept, own);
    } else {
      mostGone = max(mostGone, own);
    }
  }`;

const tiesCode = (
  keep: number,
  size: number,
): string => `// A quick select with the median of three as pivot, as in cpu/kernel/ties.ts.
var<private> values: array<u32, ${size}>;
var<private> places: array<u32, ${size}>;

fn swapMembers(a: u32, b: u32) {
  let value = values[a];
  let place = places[a];
  values[a] = values[b];
  places[a] = places[b];
  values[b] = value;
  places[b] = place;
}

// The median of three to the front, the rest parted by it; returns where the smaller ones begin.
fn partByMedian(first: u32, last: u32) -> u32 {
  let a = first + 1u;
  let b = first + (last - first) / 2u;
  let c = last - 1u;
  if (values[a] > values[b]) {
    swapMembers(first, select(select(a, c, values[a] > values[c]), b, values[b] > values[c]));
  } else {
    swapMembers(first, select(select(b, c, values[b] > values[c]), a, values[a] > values[c]));
  }
  let pivot = values[first];
  var up = first + 1u;
  var down = last - 1u;
  while (values[up] > pivot) {
    up++;
  }
  while (pivot > values[down]) {
    down--;
  }
  while (up < down) {
    swapMembers(up, down);
    up++;
    down--;
    while (values[up] > pivot) {
      up++;
    }
    while (pivot > values[down]) {
      down--;
    }
  }
  return up;
}

fn settleTies(start: u32) {
  for (var c = 0u; c < ${size}u; c++) {
    values[c] = keys[start + c];
    places[c] = c;
  }
  var first = 0u;
  var last = ${size}u;
  while (last - first > 3u) {
    let cut = partByMedian(first, last);
    if (cut <= ${keep - 1}u) {
      first = cut;
    } else {
      last = cut;
    }
  }
  for (var c = first + 1u; c < last; c++) {
    for (var d = c; d > first && values[d] > values[d - 1u]; d--) {
      swapMembers(d, d - 1u);
    }
  }
  stays = vec2(0u, 0u);
  for (var c = 0u; c < ${keep}u; c++) {
    setStay(places[c]);
  }
}`;
