/**
 * Seconds of linear algebra by everything at hand: our factorisations on products by ONNX Runtime, the same on plain
 * loops, npm's libraries, LAPACK by way of PyTorch. On one thread each, and processor time instead of the clock's, the
 * least of some repetitions, so that other load on the machine counts for little.
 *
 *   node bench/run.mjs linalg [--sizes 576,1536,4096] [--threads 1] [--longest 60]
 *     PYTHON=python3 with torch    LIBRARIES=folder in which `npm install ml-matrix emlapack` was run
 *
 * emlapack's heap of 16 MiB has no room for large matrices. What would take more than `longest` seconds, by what the
 * size before took, is left out: "–".
 */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { Cholesky, type Dense, inverseFactor, LowerTiles, type Products, plainProducts } from "../src/linalg/index.js";
import type { SecondMoments } from "../src/linalg/second-moments.js";
import { symmetricEigen } from "../src/linalg/symmetric-eigen.js";
import { symmetricInverse } from "../src/linalg/symmetric-inverse.js";
import { openProducts } from "../src/runtime/index.js";
import { testRuntime } from "../test/helpers/runtime.js";

const { values: flags } = parseArgs({
  options: {
    sizes: { type: "string", default: "576,1536,4096" },
    threads: { type: "string", default: "1" },
    longest: { type: "string", default: "60" },
  },
});
const sizes = flags.sizes.split(",").map(Number);
const longest = Number(flags.longest);

const TASKS = ["product f32", "product f64", "Cholesky", "inverse factor", "inverse", "eigenvectors"] as const;
type Task = (typeof TASKS)[number];
/** What a candidate does, by task; null where it cannot. */
type Candidate = Partial<Record<Task, (matrix: Sample) => unknown>>;

/** One symmetric positive definite matrix in every form. */
interface Sample {
  readonly size: number;
  readonly f64: Dense<Float64Array>;
  readonly f32: Dense;
  readonly moments: SecondMoments;
}

async function sampleOf(size: number, products: Products): Promise<Sample> {
  const x = { rows: size, columns: size, values: new Float64Array(size * size).map(() => Math.random() - 0.5) };
  const f64 = await products.multiply(x, x, { transposeB: true });
  const packed = new Float64Array((size * (size + 1)) / 2);
  for (let i = 0, k = 0; i < size; i++) {
    f64.values[i * (size + 1)] = (f64.values[i * (size + 1)] as number) + (0.01 * size) / 12;
    for (let j = i; j < size; j++) packed[k++] = f64.values[i * size + j] as number;
  }
  return {
    size,
    f64,
    f32: { ...f64, values: Float32Array.from(f64.values) },
    moments: { channels: size, tokens: size, sum: new Float64Array(size), packed },
  };
}

const oursOn = (products: Products): Required<Candidate> => ({
  "product f32": ({ f32 }) => products.multiply(f32, f32),
  "product f64": ({ f64 }) => products.multiply(f64, f64),
  Cholesky: ({ f64 }) => Cholesky.of(LowerTiles.ofDense(f64), { products }),
  "inverse factor": ({ moments }) => inverseFactor(moments, { damping: 0.01, label: "sample" }, products),
  inverse: ({ f64 }) => symmetricInverse(f64, { products }),
  eigenvectors: ({ f64 }) => symmetricEigen(f64, { products }),
});

/** ml-matrix: JavaScript, kept up. */
function mlMatrix(folder: string): Candidate {
  const { Matrix, CholeskyDecomposition, EigenvalueDecomposition, inverse } = createRequire(join(folder, "x.js"))(
    "ml-matrix",
  );
  const matrices = new WeakMap<Sample, unknown>();
  const of = (sample: Sample): { mmul(other: unknown): unknown } => {
    const { size, f64 } = sample;
    if (!matrices.has(sample)) matrices.set(sample, Matrix.from1DArray(size, size, f64.values));
    return matrices.get(sample) as { mmul(other: unknown): unknown };
  };
  return {
    "product f64": (sample) => of(sample).mmul(of(sample)),
    Cholesky: (sample) => new CholeskyDecomposition(of(sample)),
    inverse: (sample) => inverse(of(sample)),
    eigenvectors: (sample) => new EigenvalueDecomposition(of(sample), { assumeSymmetric: true }),
  };
}

/** emlapack: CLAPACK, unblocked BLAS, as emscripten compiled it. Its heap has no room for large matrices. */
function emlapack(folder: string): Candidate {
  const lapack = createRequire(join(folder, "x.js"))("emlapack");
  const int = (value: number) => {
    const at = lapack._malloc(4);
    lapack.setValue(at, value, "i32");
    return at;
  };
  const text = (letter: string) => {
    const at = lapack._malloc(1);
    lapack.setValue(at, letter.charCodeAt(0), "i8");
    return at;
  };
  /** Calls a routine with a copy of the matrix; whatever it was given is freed. */
  const call = (
    name: string,
    { size, f64 }: Sample,
    args: (matrix: number, alloc: (of: number) => number) => number[],
  ) => {
    const given: number[] = [];
    const keep = (at: number) => {
      if (at === 0) throw new Error("no memory");
      given.push(at);
      return at;
    };
    try {
      const matrix = keep(lapack._malloc(8 * size * size));
      lapack.HEAPF64.set(f64.values, matrix / 8);
      const all = args(matrix, (bytes) => keep(lapack._malloc(bytes)));
      lapack.cwrap(
        name,
        null,
        all.map(() => "number"),
      )(...all);
    } finally {
      for (const at of given) lapack._free(at);
    }
  };
  return {
    Cholesky: (sample) =>
      call("dpotrf_", sample, (matrix) => [text("L"), int(sample.size), matrix, int(sample.size), int(0)]),
    eigenvectors: (sample) => {
      const length = 40 * sample.size;
      call("dsyev_", sample, (matrix, alloc) => [
        ...[text("V"), text("L"), int(sample.size), matrix, int(sample.size)],
        ...[alloc(8 * sample.size), alloc(8 * length), int(length), int(0)],
      ]);
    },
  };
}

/** Most repetitions; fewer where they take seconds. */
const REPETITIONS = 9;

/** Processor seconds of this process. */
const spent = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

async function least(run: () => unknown): Promise<number> {
  const each: number[] = [];
  for (let all = 0; each.length === 0 || (each.length < REPETITIONS && all < 2); all += each.at(-1) as number) {
    globalThis.gc?.();
    const start = spent();
    await run();
    each.push(spent() - start);
  }
  return Math.min(...each);
}

function torchFigures(): Map<string, number> {
  const script = resolve("bench/linalg_torch.py");
  const { stdout, status } = spawnSync(process.env.PYTHON ?? "python3", [script, flags.sizes, flags.threads], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) console.log("linalg_torch.py failed; set PYTHON to a python with torch");
  const lines = stdout.split("\n").filter((line) => line !== "");
  return new Map(
    lines.map((line) => {
      const { task, size, seconds } = JSON.parse(line);
      return [`${task} ${size}`, seconds] as const;
    }),
  );
}

const products = openProducts(testRuntime(), { intraOpNumThreads: Number(flags.threads) });
const { LIBRARIES: folder } = process.env;
const candidates: Record<string, Candidate> = {
  "ONNX Runtime": oursOn(products),
  loops: oursOn(plainProducts()),
  ...(folder && { "ml-matrix": mlMatrix(folder), emlapack: emlapack(folder) }),
};
const figures = new Map<string, number>();
for (const [index, size] of sizes.entries()) {
  const sample = await sampleOf(size, products);
  for (const [name, candidate] of Object.entries(candidates))
    for (const task of TASKS) {
      const before = figures.get(`${task} ${sizes[index - 1]} ${name}`);
      const expected =
        index === 0 ? 0 : (before ?? Number.POSITIVE_INFINITY) * (size / (sizes[index - 1] as number)) ** 3;
      const run = candidate[task];
      if (run === undefined || expected > longest) continue;
      try {
        figures.set(`${task} ${size} ${name}`, await least(() => run(sample)));
      } catch (error) {
        console.log(`${name} cannot do "${task}" at ${size}: ${String(error).slice(0, 40)}`);
      }
    }
}
await products.release();
const torch = torchFigures();
const names = Object.keys(candidates);
console.log(`processor seconds on ${flags.threads} thread(s)`);
console.log(["task", "size", ...names, "PyTorch", "ONNX Runtime / PyTorch"].join("\t"));
for (const task of TASKS)
  for (const size of sizes) {
    const ours = figures.get(`${task} ${size} ONNX Runtime`);
    const theirs = torch.get(`${task} ${size}`);
    const row = [...names.map((name) => figures.get(`${task} ${size} ${name}`)), theirs];
    const ratio = ours && theirs ? `${(ours / theirs).toFixed(2)}x` : "–";
    console.log([task, size, ...row.map((seconds) => seconds?.toPrecision(2) ?? "–"), ratio].join("\t"));
  }
for (const size of sizes)
  console.log(
    `inverse factor in float32 by PyTorch at ${size}: ${torch.get(`inverse factor f32 ${size}`)?.toPrecision(2)}`,
  );
console.log(`peak resident memory: ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`);
