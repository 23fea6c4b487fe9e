/** A running masks_torch.py on one weight: one line in, one line out. */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import type { Pattern } from "../../src/pattern/index.js";
import type { Shape } from "../../src/tensor/matrix.js";

/** The weight that PyTorch masks. */
export interface TorchWeight {
  /** File of float32 numbers, [in, out]. */
  readonly path: string;
  readonly shape: Shape;
  /** [in] */
  readonly norms: Float64Array;
  readonly crepe: object;
  readonly threads: number;
}

/** @throws Error where the process ends */
export async function startTorch(folder: string, { path, shape, norms, crepe, threads }: TorchWeight) {
  const layout = {
    ...{ path, elements: shape.out * shape.in, sample: 0, crepe, shapes: [[shape.out, shape.in]] },
    norms: { [shape.in]: [...norms] },
  };
  writeFileSync(join(folder, "layout.json"), JSON.stringify(layout));
  const args = [resolve("bench/masks_torch.py"), join(folder, "layout.json"), String(threads)];
  // The libraries of the software GPU are not Python's.
  const env = { ...process.env, LD_LIBRARY_PATH: "" };
  const python = spawn(process.env.PYTHON ?? "python3", args, { stdio: ["pipe", "pipe", "inherit"], env });
  const lines = createInterface({ input: python.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error("masks_torch.py ended; set PYTHON to a python with torch");
    return JSON.parse(value);
  };
  const { torch: version } = (await answer()) as { torch: string };
  return {
    version,
    /** Seconds for one mask. */
    time: async (method: string, pattern: Pattern): Promise<number> => {
      python.stdin.write(`${JSON.stringify({ method, pattern })}\n`);
      return (await answer()).seconds;
    },
    end: () => {
      python.stdin.end();
    },
  };
}
