/** The same in WebAssembly: ONNX Runtime as browsers load it, run under Node in a process of its own whose log is read. */
import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { DATA_TYPE, float16, type ModelSpec, node, value } from "../../helpers/model.js";
import { layersOf } from "../../prune/one-layer.js";
import { HALF, packedAndDense, packedLayer, TWO_OF_FOUR } from "./packed-model.js";

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
    const [{ shape }] = session.inputMetadata;
    const x = Float32Array.from({ length: shape[0] * shape[1] }, (_, k) => Math.sin(k));
    const results = await session.run({ x: new Tensor("float32", x, shape) });
    outputs.push(Object.values(results).map(({ data }) => [...data]));
  }
  process.stdout.write("outputs " + JSON.stringify(outputs) + "\\n");
`;

/** Layers whose codes are expanded in all the ways there are: in bytes and in pairs, with one zero and with many. */
const CODED = layersOf({ out: 32, in: 64 }).filter(({ form, variant }) =>
  [
    "MatMulNBits of 4 bits in blocks of 32, zero points none, scales 2-D",
    "MatMulNBits of 4 bits in blocks of 32, zero points packed, scales 2-D",
    "MatMulNBits of 8 bits in blocks of 32, zero points none, scales 2-D",
    "MatMulInteger of int8 by tensor",
    "MatMulBnb4 of nf4 in blocks of 64",
    "MatMul behind DequantizeLinear of int4 in-out, axis null, zeros",
  ].includes(`${form} ${variant}`),
);

interface Case {
  readonly title: string;
  readonly weight: string;
  readonly files: () => Promise<{ packed: Uint8Array; dense: Uint8Array }>;
}

const CASES = [HALF, TWO_OF_FOUR].flatMap((pattern): Case[] => [
  { title: `float16, ${pattern.kind}`, weight: "w", files: () => packedAndDense(SPEC, { w: { pattern } }) },
  ...CODED.map(({ form, variant, spec }) => ({
    title: `${form} ${variant}, ${pattern.kind}`,
    weight: "codes",
    files: () => packedLayer(spec, pattern),
  })),
]);

describe("in WebAssembly, a packed weight", () => {
  it("has the bits of the dense one, and is folded", async () => {
    const folder = await mkdtemp(join(tmpdir(), "packed-"));
    const paths: string[] = [];
    for (const [index, { files }] of CASES.entries())
      for (const [encoding, bytes] of Object.entries(await files())) {
        const path = join(folder, `${index}-${encoding}.onnx`);
        await writeFile(path, bytes);
        paths.push(path);
      }
    const cwd = fileURLToPath(new URL("../../..", import.meta.url));
    const command = ["--input-type=module", "--eval", SCRIPT, ...paths];
    const { stdout, stderr } = spawnSync(process.execPath, command, { cwd, encoding: "utf8", maxBuffer: 2 ** 28 });
    await rm(folder, { recursive: true });
    const outputs = JSON.parse(/^outputs (.*)$/m.exec(stdout)?.[1] ?? stderr) as unknown[];
    const gone = `${stdout}\n${stderr}`.split("\n").filter((line) => line.includes("no longer used"));
    for (const [index, { title, weight }] of CASES.entries()) {
      expect(outputs[2 * index], title).toEqual(outputs[2 * index + 1]);
      for (const name of ["values", "places", "indices"]) {
        const line = `'transformers_prune/packed/${weight}/${name}'`;
        const count = CASES.filter((one) => one.weight === weight).length;
        expect(
          gone.filter((one) => one.includes(line)),
          line,
        ).toHaveLength(count);
      }
    }
  }, 60_000);
});
