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

@group(0) @binding(1) var<storage, read> columnSums: array<f32>;
@group(0) @binding(2) var<storage, read> rowSums: array<f32>;
@group(0) @binding(3) var<storage, read> factors: array<f32>;
@group(0) @binding(4) var<storage, read_write> columns: array<vec2<f32>>;
@group(0) @binding(5) var<storage, read_write> rows: array<f32>;

fn ratio(coefficient: f32, sum: f32) -> f32 {
  return select(0.0, coefficient / sum, sum > 0.0);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32) {
  let k = (group.y * groups.x + group.x) * 64u + thread;
  if (k < job.inputs) {
    var sum = 0.0;
    for (var block = 0u; block < job.columnParts; block += 32u) {
      var part = 0.0;
      for (var p = block; p < min(block + 32u, job.columnParts); p++) {
        part += columnSums[p * job.inputs + k];
      }
      sum += part;
    }
    columns[k] = vec2(ratio(job.column, sum), factors[k]);
  }
  if (k < job.outputs) {
    var sum = 0.0;
    for (var block = 0u; block < job.rowParts; block += 32u) {
      var part = 0.0;
      for (var p = block; p < min(block + 32u, job.rowParts); p++) {
        part += rowSums[p * job.outputs + k];
      }
      sum += part;
    }
    rows[k] = job.one + ratio(job.row, sum);
  }
}
