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

@group(0) @binding(1) var<storage, read> rowBits: array<u32>;
@group(0) @binding(2) var<storage, read_write> bits: array<atomic<u32>>;

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

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32) {
  let firstRow = group.x * 64u;
  let o = firstRow + thread;
  var word = 0u;
  if (o < job.outputs) {
    word = rowBits[o * job.rowWords + group.y];
  }
  putWord(word, firstRow, group.y * 32u, thread);
}
