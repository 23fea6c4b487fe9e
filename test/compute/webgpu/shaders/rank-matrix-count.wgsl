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
@group(0) @binding(2) var<storage, read> rank: array<u32, 2>;
@group(0) @binding(3) var<storage, read_write> histogram: array<atomic<u32>, 2048>;

var<workgroup> own: array<atomic<u32>, 2048>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32) {
  let start = (group.y * groups.x + group.x) * 16384u;
  let end = min(start + 16384u, job.count * job.inputs);
  let found = rank[0];
  for (var k = start + thread; k < end; k += 256u) {
    let key = scores[k] >> 20u;
    if (key >> 11u == found) {
      atomicAdd(&own[key & 2047u], 1u);
    }
  }
  workgroupBarrier();
  for (var bin = thread; bin < 2048u; bin += 256u) {
    let count = atomicLoad(&own[bin]);
    if (count > 0u) {
      atomicAdd(&histogram[bin], count);
    }
  }
}
