/**
 * What a kernel is: data apart from the code that runs it (as ONNX Runtime's ProgramInfo). Its source is
 * complete WGSL, by which pipelines are cached; its bindings are named, so that buffers are joined by name.
 */

/** A buffer that a kernel uses. The first binding of every kernel is the uniform `job`. */
export interface Binding {
  readonly name: string;
  readonly access: "read" | "read_write";
  /** WGSL type of the whole buffer. */
  readonly type: string;
}

/** One compute shader, with the entry point `main`. */
export interface Kernel {
  readonly name: string;
  readonly source: string;
  /** Bindings after `job`, numbered from 1 in this order. */
  readonly bindings: readonly Binding[];
}

/**
 * What a kernel is told of its job, the same for all kernels. "First", "count": output rows of the slice
 * of the weight that is at work; a slice is loaded with the neighbours that windows of its rows reach.
 */
export const JOB_FIELDS = {
  /** Shape of the weight. */
  outputs: "u32",
  inputs: "u32",
  /** Output rows that the slice answers for. */
  first: "u32",
  count: "u32",
  /** Output rows that the slice holds. */
  loadFirst: "u32",
  loadCount: "u32",
  /** Elements of one stored row in the slice's buffer, and those before its first. */
  stride: "u32",
  origin: "u32",
  /** Power of two by which |W| is multiplied, where the kernel was generated for it. */
  shift: "i32",
  /** Scales of one stored row of codes. */
  scaleColumns: "u32",
  /** Input channels of one workgroup of the score kernel. */
  chunk: "u32",
  /** Partial sums of every column, and of every row; the slice's first partial sum of columns. */
  columnParts: "u32",
  rowParts: "u32",
  firstPart: "u32",
  /** The slice's first place among the scores' sums. */
  firstSum: "u32",
  /** Words of 32 channels per output row. */
  rowWords: "u32",
  /** How many of a set (a row or the matrix) stay. */
  keepCount: "u32",
  /** Coefficients of the score formula, those of sums times the number of their summands. */
  one: "f32",
  row: "f32",
  column: "f32",
  window: "f32",
} as const satisfies Record<string, "u32" | "i32" | "f32">;

/** Values of a job. */
export type JobValues = Readonly<Record<keyof typeof JOB_FIELDS, number>>;

const NAMES = Object.keys(JOB_FIELDS) as (keyof JobValues)[];
/** Bytes of the uniform, a multiple of 16. */
export const JOB_BYTES = Math.ceil((NAMES.length * 4) / 16) * 16;

/** The uniform's bytes. */
export function jobBytes(values: JobValues): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(JOB_BYTES));
  for (const [k, name] of NAMES.entries()) {
    const type = JOB_FIELDS[name];
    if (type === "f32") view.setFloat32(4 * k, values[name], true);
    else if (type === "i32") view.setInt32(4 * k, values[name], true);
    else view.setUint32(4 * k, values[name], true);
  }
  return new Uint8Array(view.buffer);
}

const JOB_STRUCT = `struct Job {\n${NAMES.map((name) => `  ${name}: ${JOB_FIELDS[name]},`).join("\n")}\n}
@group(0) @binding(0) var<uniform> job: Job;`;

/**
 * Puts a kernel together.
 *
 * @param parts WGSL after the bindings, with an entry point `main`
 */
export function kernelOf(name: string, bindings: readonly Binding[], ...parts: readonly string[]): Kernel {
  const declared = bindings.map(
    ({ name, access, type }, k) => `@group(0) @binding(${k + 1}) var<storage, ${access}> ${name}: ${type};`,
  );
  return { name, bindings, source: `${[JOB_STRUCT, declared.join("\n"), ...parts].join("\n\n")}\n` };
}

/** Size of workgroups whose threads share the work on one output row. Rows are many, so few threads are enough. */
export const ROW_THREADS = 64;

/** WGSL of the entry point's arguments: the workgroup's place among all, and the thread's in the workgroup. */
export const ARGUMENTS = `@builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32`;

/** Most workgroups along one axis that every WebGPU device takes. */
const MOST_ALONG_AXIS = 65535;

/** Workgroups for `count` pieces of work, in two axes; a kernel finds its piece as `group.y * groups.x + group.x`. */
export function spread(count: number): readonly [x: number, y: number] {
  const y = Math.max(1, Math.ceil(count / MOST_ALONG_AXIS));
  return [Math.ceil(count / y), y];
}
