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
@group(0) @binding(2) var<storage, read> cuts: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read_write> rowBits: array<u32>;
@group(0) @binding(4) var<storage, read_write> sums: array<vec2<f32>>;

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

// Equals that each thread found in its word.
var<workgroup> found: array<u32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= job.count) {
    return;
  }
  let cut = cuts[row];
  // Equals that stay and have not been met yet; the same in all threads.
  var left = cut.y;
  var sum = vec2(0.0, 0.0);
  for (var block = 0u; block < job.rowWords; block += 64u) {
    // A thread has a word, 32 channels.
    let word = block + thread;
    var above = 0u;
    var equal = 0u;
    for (var c = 0u; c < 32u && 32u * word + c < job.inputs; c++) {
      let key = scores[row * job.inputs + 32u * word + c];
      above |= u32(key > cut.x) << c;
      equal |= u32(key == cut.x) << c;
      sum += vec2(select(0.0, bitcast<f32>(key), key > cut.x), bitcast<f32>(key));
    }
    found[thread] = countOneBits(equal);
    workgroupBarrier();
    var stay = left;
    for (var t = 0u; t < 64u; t++) {
      stay -= select(0u, min(stay, found[t]), t < thread);
      left -= min(left, found[t]);
    }
    let ties = lowestOnes(equal, stay);
    if (ties != 0u) {
      sum.x += bitcast<f32>(cut.x) * f32(countOneBits(ties));
    }
    if (word < job.rowWords) {
      rowBits[(job.first + row) * job.rowWords + word] = above | ties;
    }
    workgroupBarrier();
  }
  let total = addUp(sum, thread);
  if (thread == 0u) {
    sums[job.first + row] = total;
  }
}

fn lowestOnes(word: u32, count: u32) -> u32 {
  var rest = word;
  var ones = 0u;
  for (var k = 0u; k < count && rest != 0u; k++) {
    let lowest = rest & (~rest + 1u);
    ones |= lowest;
    rest ^= lowest;
  }
  return ones;
}
