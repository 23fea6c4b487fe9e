/** The same in WebAssembly: ONNX Runtime as browsers load it, run under Node in a process of its own whose log is read. */
import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { DATA_TYPE, float16, type ModelSpec, node, value } from "../../helpers/model.js";
import { HALF, packedAndDense, TWO_OF_FOUR } from "./packed-model.js";

const ROWS = 64;
const COLUMNS = 48;
const SPEC: ModelSpec = {
  inputs: [value("x", [1, ROWS])],
  nodes: [node("Cast", ["w"], ["f"], { to: 1 }), node("MatMul", ["x", "f"], ["y"]), node("Identity", ["w"], ["seen"])],
  initializers: [
    float16(
      "w",
      [ROWS, COLUMNS],
      Float32Array.from({ length: ROWS * COLUMNS }, (_, k) => Math.sin(k)),
    ),
  ],
  outputs: [value("y", [1, COLUMNS]), value("seen", [ROWS, COLUMNS], DATA_TYPE.float16)],
};

/** Prints the outputs of each model. */
const SCRIPT = `
  import { readFileSync } from "node:fs";
  import { InferenceSession, Tensor, env } from "onnxruntime-web/wasm";
  env.wasm.numThreads = 1;
  const outputs = [];
  for (const path of process.argv.slice(1)) {
    const options = { executionProviders: ["wasm"], logSeverityLevel: 1 };
    const session = await InferenceSession.create(new Uint8Array(readFileSync(path)), options);
    const { y, seen } = await session.run({ x: new Tensor("float32", new Float32Array(${ROWS}).fill(1), [1, ${ROWS}]) });
    outputs.push([[...y.data], [...seen.data]]);
  }
  process.stdout.write("outputs " + JSON.stringify(outputs) + "\\n");
`;

describe("in WebAssembly, a packed weight", () => {
  it.each([HALF, TWO_OF_FOUR])("has the bits of the dense one, and is folded: $kind", async (pattern) => {
    const folder = await mkdtemp(join(tmpdir(), "packed-"));
    const { packed, dense } = await packedAndDense(SPEC, { w: { pattern } });
    const paths = [join(folder, "packed.onnx"), join(folder, "dense.onnx")];
    await writeFile(paths[0] as string, packed);
    await writeFile(paths[1] as string, dense);
    const cwd = fileURLToPath(new URL("../../..", import.meta.url));
    const command = ["--input-type=module", "--eval", SCRIPT, ...paths];
    const { stdout, stderr } = spawnSync(process.execPath, command, { cwd, encoding: "utf8" });
    await rm(folder, { recursive: true });
    const [fromPacked, fromDense] = JSON.parse(/^outputs (.*)$/m.exec(stdout)?.[1] ?? stderr) as unknown[];
    expect(fromPacked).toEqual(fromDense);
    const lines = `${stdout}\n${stderr}`.split("\n").filter((line) => line.includes("no longer used"));
    const isGone = (name: string) => lines.some((line) => line.includes(`'transformers_prune/packed/w/${name}'`));
    expect(["values", "places", "indices"].filter((name) => !isGone(name))).toEqual([]);
  });
});
