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
@group(0) @binding(2) var<storage, read> scales: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read> columns: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read> rows: array<f32>;
@group(0) @binding(5) var<storage, read_write> range: array<atomic<u32>, 2>;
@group(0) @binding(6) var<storage, read_write> scores: array<u32>;

// scale · (code − zero); elements are packed low bits first.
fn decode(o: u32, i: u32, element: u32) -> u32 {
  let word = weight[element / 8u];
  let code = (word >> ((element % 8u) * 4u)) & 15u;
  let scale = scales[o * job.scaleColumns + (i / 32u)];
  return bitcast<u32>(scale.x * (f32(i32(code ^ 0u) - 0) - scale.y)) & 0x7fffffffu;
}

fn magnitudeAt(o: u32, i: u32) -> u32 {
  // Unsigned, so what lies before the first is beyond the last.
  if (o - job.loadFirst >= job.loadCount || i >= job.inputs) {
    return 0u;
  }
  return decode(o, i, job.origin + (o - job.loadFirst) * job.stride + i);
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
    let r = k / BATCH;
    let b = k % BATCH;
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


  for (var channel = chunkFirst; channel < chunkEnd; channel += 32u) {
    for (var part = 0u; part < 32u; part += BATCH) {
      loadTile(firstRow, channel + part + REACH, 0u, thread);
      workgroupBarrier();

      for (var b = 0u; b < BATCH; b++) {
        keys[part + b] = keyAt(o, channel + part + b, b, thread);
      }
      workgroupBarrier();
    }
    if (o < job.first + job.count) {
      for (var c = 0u; c < 32u && channel + c < chunkEnd; c++) {
        scores[(o - job.first) * job.inputs + channel + c] = keys[c];
      }
    }
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
