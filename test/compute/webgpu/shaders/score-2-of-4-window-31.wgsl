struct Job {
  outputs: u32,
  inputs: u32,
  first: u32,
  count: u32,
  loadFirst: u32,
  loadCount: u32,
  stride: u32,
  origin: u32,
  shift: i32,
  scaleColumns: u32,
  chunk: u32,
  columnParts: u32,
  rowParts: u32,
  firstPart: u32,
  firstSum: u32,
  rowWords: u32,
  keepCount: u32,
  one: f32,
  row: f32,
  column: f32,
  window: f32,
}
@group(0) @binding(0) var<uniform> job: Job;

@group(0) @binding(1) var<storage, read> weight: array<u32>;
@group(0) @binding(2) var<storage, read> columns: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read> rows: array<f32>;
@group(0) @binding(4) var<storage, read_write> range: array<atomic<u32>, 2>;
@group(0) @binding(5) var<storage, read_write> bits: array<atomic<u32>>;
@group(0) @binding(6) var<storage, read_write> sums: array<vec2<f32>>;

fn decode(o: u32, i: u32, element: u32) -> u32 {
  return weight[element] & 0x7fffffffu;
}

fn magnitudeAt(o: u32, i: u32) -> u32 {
  // Unsigned, so what lies before the first is beyond the last.
  if (o - job.loadFirst >= job.loadCount || i >= job.inputs) {
    return 0u;
  }
  return decode(o, i, job.origin + i * job.stride + (o - job.loadFirst));
}

const STRIP = 64u;
const BATCH = 8u;
const WIDTH = 95u;
const SPAN = 94u;
const REACH = 15u;
var<workgroup> tile: array<f32, BATCH * WIDTH>;
var<workgroup> most: atomic<u32>;
var<workgroup> least: atomic<u32>;
var<private> largest: u32;
var<private> smallest: u32;
var<private> keys: array<u32, 8>;
var<private> rowTerm: f32;

// Input channels `channel` … of the strip and its neighbours; channels from `end` on are not read and count as 0.
fn loadTile(firstRow: u32, channel: u32, end: u32, thread: u32) {
  for (var k = thread; k < BATCH * SPAN; k += STRIP) {
    let r = k % SPAN;
    let b = k / SPAN;
    var bits = 0u;
    if (channel + b < end || end == 0u) {
      bits = magnitudeAt(firstRow + r - REACH, channel + b);
    }
    largest = max(largest, bits);
    smallest = min(smallest, bits - 1u);
    tile[b * WIDTH + r] = bitcast<f32>(bits);
  }
}

const SIZE = 31u;
const HALF = 15u;
var<workgroup> side: array<f32, 512>;
var<workgroup> ring: array<f32, 1984>;
var<workgroup> centres: array<f32, 1024>;
// Where the next arrival goes in the ring, in its block and among the centres.
var<private> arrived: u32;
var<private> place: u32;
var<private> turn: u32;
var<private> prefix: f32;
var<private> windowSum: f32;

fn sumAcross(thread: u32) {
  for (var k = thread; k < BATCH * STRIP / 4u; k += STRIP) {
    let b = k / (STRIP / 4u);
    let j = 4u * (k % (STRIP / 4u));
    let at = b * WIDTH + j;
    let to = b * STRIP + j;
    var middle = 0.0;
    for (var d = 3u; d < 31u; d++) {
      middle += tile[at + d];
    }
    let before2 = tile[at + 2u];
    let before1 = tile[at + 1u] + before2;
    let before0 = tile[at] + before1;
    let after1 = tile[at + 31u];
    let after2 = after1 + tile[at + 32u];
    let after3 = after2 + tile[at + 33u];
    side[to] = before0 + middle;
    side[to + 1u] = before1 + middle + after1;
    side[to + 2u] = before2 + middle + after2;
    side[to + 3u] = middle + after3;
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
}

fn keyAt(o: u32, i: u32, b: u32, thread: u32) -> u32 {
  let w = slide(b, thread);
  if (o >= job.first + job.count || i >= job.inputs) {
    return 0u;
  }
  let column = columns[i];
  var terms = rowTerm + column.x;
  if (windowSum > 0.0) {
    let rowCells = min(o + HALF, job.outputs - 1u) - max(o, HALF) + HALF + 1u;
    let channelCells = min(i + HALF, job.inputs - 1u) - max(i, HALF) + HALF + 1u;
    terms += (f32(channelCells) * (job.window * f32(rowCells))) / windowSum;
  }
  // Without the sign of a factor −0.
  return bitcast<u32>((w * terms) * column.y) & 0x7fffffffu;
}

var<private> stays: vec2<u32>;

fn setStay(c: u32) {
  stays.x |= 1u << c;
}

fn keepBest(start: u32) {
  stays = vec2(0u, 0u);
  var leastKept = 0xffffffffu;
  var mostGone = 0u;
  let k0 = keys[start + 0u];
  let k1 = keys[start + 1u];
  let k2 = keys[start + 2u];
  let k3 = keys[start + 3u];
  let w0_1 = u32(k1 > k0);
  let w0_2 = u32(k2 > k0);
  let w0_3 = u32(k3 > k0);
  let w1_2 = u32(k2 > k1);
  let w1_3 = u32(k3 > k1);
  let w2_3 = u32(k3 > k2);
  if (w0_1 + w0_2 + w0_3 < 2u) {
    setStay(0u);
    leastKept = min(leastKept, k0);
  } else {
    mostGone = max(mostGone, k0);
  }
  if (w1_2 + w1_3 + (1u - w0_1) < 2u) {
    setStay(1u);
    leastKept = min(leastKept, k1);
  } else {
    mostGone = max(mostGone, k1);
  }
  if (w2_3 + (1u - w0_2) + (1u - w1_2) < 2u) {
    setStay(2u);
    leastKept = min(leastKept, k2);
  } else {
    mostGone = max(mostGone, k2);
  }
  if ((1u - w0_3) + (1u - w1_3) + (1u - w2_3) < 2u) {
    setStay(3u);
    leastKept = min(leastKept, k3);
  } else {
    mostGone = max(mostGone, k3);
  }
  if (leastKept == mostGone) {
    settleTies(start);
  }
}

// A quick select with the median of three as pivot, as in cpu/kernel/ties.ts.
var<private> values: array<u32, 4>;
var<private> places: array<u32, 4>;

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
  for (var c = 0u; c < 4u; c++) {
    values[c] = keys[start + c];
    places[c] = c;
  }
  var first = 0u;
  var last = 4u;
  while (last - first > 3u) {
    let cut = partByMedian(first, last);
    if (cut <= 1u) {
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
  for (var c = 0u; c < 2u; c++) {
    setStay(places[c]);
  }
}

// Adds the lowest `count` bits of a word at any bit.
fn putBits(position: u32, word: u32, count: u32) {
  if (count == 0u) {
    return;
  }
  let kept = word & (0xffffffffu >> (32u - count));
  let at = position / 32u;
  let place = position % 32u;
  if (place == 0u && count == 32u) {
    atomicStore(&bits[at], kept);
    return;
  }
  atomicOr(&bits[at], kept << place);
  if (place + count > 32u) {
    atomicOr(&bits[at + 1u], kept >> (32u - place));
  }
}

var<workgroup> words: array<u32, 64>;

fn putWord(word: u32, firstRow: u32, channel: u32, thread: u32) {
  words[thread] = word;
  workgroupBarrier();
  let own = thread % 32u;
  let block = thread & ~31u;
  var turned = 0u;
  for (var r = 0u; r < 32u; r++) {
    turned |= ((words[block + r] >> own) & 1u) << r;
  }
  workgroupBarrier();
  let o = firstRow + block;
  let end = job.first + job.count;
  if (o < end && channel + own < job.inputs) {
    putBits((channel + own) * job.outputs + o, turned, min(32u, end - o));
  }
}

var<workgroup> parts: array<vec2<f32>, 64>;

fn addUp(own: vec2<f32>, thread: u32) -> vec2<f32> {
  parts[thread] = own;
  workgroupBarrier();
  for (var width = 32u; width > 0u; width /= 2u) {
    if (thread < width) {
      parts[thread] += parts[thread + width];
    }
    workgroupBarrier();
  }
  return parts[0];
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32) {
  let firstRow = job.first + group.x * STRIP;
  let o = firstRow + thread;
  let chunkFirst = group.y * job.chunk;
  let chunkEnd = min(job.inputs, chunkFirst + job.chunk);
  smallest = 0xffffffffu;
  rowTerm = rows[min(o, job.outputs - 1u)];
  var word = 0u;
  var sum = vec2(0.0, 0.0);
  for (var before = 0u; before < 2u * HALF; before += BATCH) {
    let first = chunkFirst - HALF;
    loadTile(firstRow, first + before, chunkFirst + HALF, thread);
    workgroupBarrier();
    sumAcross(thread);
    workgroupBarrier();
    for (var b = 0u; b < min(BATCH, 2u * HALF - before); b++) {
      arrive(b, thread);
    }
    workgroupBarrier();
  }
  for (var channel = chunkFirst; channel < chunkEnd; channel += 8u) {
    for (var part = 0u; part < 8u; part += BATCH) {
      loadTile(firstRow, channel + part + REACH, 0u, thread);
      workgroupBarrier();
      sumAcross(thread);
      workgroupBarrier();
      for (var b = 0u; b < BATCH; b++) {
        keys[part + b] = keyAt(o, channel + part + b, b, thread);
      }
      workgroupBarrier();
    }
    for (var start = 0u; start < 8u && channel + start < chunkEnd; start += 4u) {
      keepBest(start);
      var own = vec2(0.0, 0.0);
      for (var c = 0u; c < 4u; c++) {
        let score = bitcast<f32>(keys[start + c]);
        let stay = (stays.x >> c) & 1u;
        own += vec2(select(0.0, score, stay == 1u), score);

      }
      sum += own;
      word |= stays.x << ((channel + start) % 32u);
    }
    if ((channel + 8u) % 32u == 0u) {
      putWord(word, firstRow, channel & ~31u, thread);
      word = 0u;
    }
  }
  let end = (chunkEnd + 7u) / 8u * 8u;
  if (end % 32u != 0u) {
    putWord(word, firstRow, chunkEnd & ~31u, thread);
  }
  let total = addUp(sum, thread);
  if (thread == 0u) {
    sums[job.firstSum + group.y * groups.x + group.x] = total;
  }
  atomicMax(&most, largest);
  // Workgroup memory begins as zeros, so the smallest is a largest of complements.
  atomicMax(&least, ~smallest);
  workgroupBarrier();
  if (thread == 0u) {
    atomicMax(&range[0], atomicLoad(&most));
    atomicMax(&range[1], atomicLoad(&least));
  }
}
