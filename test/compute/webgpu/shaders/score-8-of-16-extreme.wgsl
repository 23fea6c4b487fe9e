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
// Times 2^job.shift, exactly where the result is a normal number; smaller ones become 0. Integers, because
// devices may flush subnormal floats before anything is done with them.
fn shiftedBits(bits: u32) -> u32 {
  if (bits == 0u) {
    return 0u;
  }
  var exponent = i32(bits >> 23u);
  var fraction = bits & 0x007fffffu;
  if (exponent == 0) {
    let leading = firstLeadingBit(fraction);
    exponent = i32(leading) - 22;
    fraction = (fraction << (23u - leading)) & 0x007fffffu;
  }
  exponent += job.shift;
  return select(0u, (u32(exponent) << 23u) | fraction, exponent > 0);
}

fn magnitudeAt(o: u32, i: u32) -> u32 {
  // Unsigned, so what lies before the first is beyond the last.
  if (o - job.loadFirst >= job.loadCount || i >= job.inputs) {
    return 0u;
  }
  return shiftedBits(decode(o, i, job.origin + i * job.stride + (o - job.loadFirst)));
}

const STRIP = 64u;
const BATCH = 32u;
const WIDTH = 65u;
const SPAN = 64u;
const REACH = 0u;
var<workgroup> tile: array<f32, BATCH * WIDTH>;
var<workgroup> most: atomic<u32>;
var<workgroup> least: atomic<u32>;
var<private> largest: u32;
var<private> smallest: u32;
var<private> keys: array<u32, 32>;
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



fn keyAt(o: u32, i: u32, b: u32, thread: u32) -> u32 {
  let w = tile[b * WIDTH + thread];
  if (o >= job.first + job.count || i >= job.inputs) {
    return 0u;
  }
  let column = columns[i];
  var terms = rowTerm + column.x;

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
  for (var c = 0u; c < 16u; c++) {
    let own = keys[start + c];
    var losses = 0u;
    for (var d = 0u; d < c; d++) {
      losses += u32(keys[start + d] >= own);
    }
    for (var d = c + 1u; d < 16u; d++) {
      losses += u32(keys[start + d] > own);
    }
    if (losses < 8u) {
      setStay(c);
      leastKept = min(leastKept, own);
    } else {
      mostGone = max(mostGone, own);
    }
  }
  if (leastKept == mostGone) {
    settleTies(start);
  }
}

// A quick select with the median of three as pivot, as in cpu/kernel/ties.ts.
var<private> values: array<u32, 16>;
var<private> places: array<u32, 16>;

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
  for (var c = 0u; c < 16u; c++) {
    values[c] = keys[start + c];
    places[c] = c;
  }
  var first = 0u;
  var last = 16u;
  while (last - first > 3u) {
    let cut = partByMedian(first, last);
    if (cut <= 7u) {
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
  for (var c = 0u; c < 8u; c++) {
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

  for (var channel = chunkFirst; channel < chunkEnd; channel += 32u) {
    for (var part = 0u; part < 32u; part += BATCH) {
      loadTile(firstRow, channel + part + REACH, 0u, thread);
      workgroupBarrier();

      for (var b = 0u; b < BATCH; b++) {
        keys[part + b] = keyAt(o, channel + part + b, b, thread);
      }
      workgroupBarrier();
    }
    for (var start = 0u; start < 32u && channel + start < chunkEnd; start += 16u) {
      keepBest(start);
      var own = vec2(0.0, 0.0);
      for (var c = 0u; c < 16u; c++) {
        let score = bitcast<f32>(keys[start + c]);
        let stay = (stays.x >> c) & 1u;
        own += vec2(select(0.0, score, stay == 1u), score);

      }
      sum += own;
      word |= stays.x << ((channel + start) % 32u);
    }
    if ((channel + 32u) % 32u == 0u) {
      putWord(word, firstRow, channel & ~31u, thread);
      word = 0u;
    }
  }
  let end = (chunkEnd + 31u) / 32u * 32u;
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
