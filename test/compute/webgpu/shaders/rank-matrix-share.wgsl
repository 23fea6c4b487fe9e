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

@group(0) @binding(1) var<storage, read> equals: array<u32>;
@group(0) @binding(2) var<storage, read> rank: array<u32, 2>;
@group(0) @binding(3) var<storage, read_write> cuts: array<vec2<u32>>;

var<workgroup> before: array<u32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) thread: u32) {
  let each = (job.outputs + 255u) / 256u;
  let end = min(each * (thread + 1u), job.outputs);
  var sum = 0u;
  for (var o = each * thread; o < end; o++) {
    sum += equals[o];
  }
  before[thread] = sum;
  workgroupBarrier();
  var left = rank[1];
  for (var t = 0u; t < thread; t++) {
    left -= min(left, before[t]);
  }
  for (var o = each * thread; o < end; o++) {
    let stay = min(left, equals[o]);
    left -= stay;
    cuts[o] = select(vec2(rank[0], stay), vec2(0xffffffffu, 0u), job.keepCount == 0u);
  }
}
