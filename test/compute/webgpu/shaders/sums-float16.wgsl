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
@group(0) @binding(2) var<storage, read_write> columnSums: array<f32>;
@group(0) @binding(3) var<storage, read_write> rowSums: array<f32>;

fn decode(o: u32, i: u32, element: u32) -> u32 {
  let half = (weight[element / 2u] >> ((element % 2u) * 16u)) & 0x7fffu;
  if (half >= 0x7c00u) {
    // Inf and NaN get float32's largest exponent.
    return 0x7f800000u | (half << 13u);
  }
  if (half >= 0x0400u) {
    // Exponents differ by 112.
    return (half << 13u) + (112u << 23u);
  }
  if (half == 0u) {
    return 0u;
  }
  // Subnormal: half · 2^-24, the leading bit becomes the one that is not written.
  let leading = firstLeadingBit(half);
  return ((leading + 103u) << 23u) | ((half << (23u - leading)) & 0x007fffffu);
}

fn magnitudeAt(o: u32, i: u32) -> u32 {
  // Unsigned, so what lies before the first is beyond the last.
  if (o - job.loadFirst >= job.loadCount || i >= job.inputs) {
    return 0u;
  }
  return decode(o, i, job.origin + (o - job.loadFirst) * job.stride + i);
}

// 32 input channels of 64 output rows; the odd width keeps both directions free of bank conflicts.
const WIDTH = 65u;
var<workgroup> tile: array<f32, 32u * WIDTH>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32) {
  let firstRow = job.first + group.x * 64u;
  let end = job.first + job.count;
  var rowSum = 0.0;
  for (var channel = 0u; channel < 256u; channel += 32u) {
    let firstChannel = group.y * 256u + channel;
    for (var k = thread; k < 2048u; k += 64u) {
      let r = k / 32u;
      let c = k % 32u;
      let o = firstRow + r;
      // Neighbours that were loaded for windows belong to other slices.
      tile[c * WIDTH + r] = select(0.0, bitcast<f32>(magnitudeAt(o, firstChannel + c)), o < end);
    }
    workgroupBarrier();
    var sum = 0.0;
    for (var c = 0u; c < 32u; c++) {
      sum += tile[c * WIDTH + thread];
    }
    rowSum += sum;
    let own = thread % 32u;
    let half = thread / 32u;
    sum = 0.0;
    for (var r = 0u; r < 32u; r++) {
      sum += tile[own * WIDTH + half * 32u + r];
    }
    if (firstChannel + own < job.inputs) {
      columnSums[(job.firstPart + group.x * 2u + half) * job.inputs + firstChannel + own] = sum;
    }
    workgroupBarrier();
  }
  if (firstRow + thread < end) {
    rowSums[group.y * job.outputs + firstRow + thread] = rowSum;
  }
}
