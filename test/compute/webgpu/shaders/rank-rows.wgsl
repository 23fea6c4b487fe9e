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

@group(0) @binding(1) var<storage, read> scores: array<u32>;
@group(0) @binding(2) var<storage, read_write> cuts: array<vec2<u32>>;

var<workgroup> histogram: array<atomic<u32>, 256>;
// The digits found so far, and the rank among the keys that begin with them.
var<workgroup> digits: u32;
var<workgroup> rank: u32;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= job.count) {
    return;
  }
  if (thread == 0u) {
    rank = job.keepCount;
  }
  for (var round = 0u; round < 4u; round++) {
    let shift = 24u - 8u * round;
    for (var k = thread; k < 256u; k += 64u) {
      atomicStore(&histogram[k], 0u);
    }
    workgroupBarrier();
    let found = digits;
    for (var i = thread; i < job.inputs; i += 64u) {
      let key = scores[row * job.inputs + i] >> shift;
      if (key >> 8u == found) {
        atomicAdd(&histogram[key & 255u], 1u);
      }
    }
    workgroupBarrier();
    if (thread == 0u) {
      // From the highest digit down to the one that holds the rank.
      var left = rank;
      var digit = 255u;
      while (digit > 0u && left > atomicLoad(&histogram[digit])) {
        left -= atomicLoad(&histogram[digit]);
        digit--;
      }
      digits = found * 256u + digit;
      rank = left;
    }
    workgroupBarrier();
  }
  if (thread == 0u) {
    cuts[row] = select(vec2(digits, rank), vec2(0xffffffffu, 0u), job.keepCount == 0u);
  }
}
