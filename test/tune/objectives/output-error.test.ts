import { afterEach, describe, expect, it } from "vitest";
import type { Target } from "../../../src/graph/index.js";
import { buildModel, findTargets } from "../../../src/graph/index.js";
import { openModel } from "../../../src/onnx/index.js";
import type { Plan } from "../../../src/prune/index.js";
import type { Candidate } from "../../../src/tune/candidate.js";
import { DenseWeights } from "../../../src/tune/dense-weights.js";
import { outputError } from "../../../src/tune/objectives/output-error.js";
import type { Subject } from "../../../src/tune/subject.js";
import { outputRows, type Rows } from "../../calibrate/reference.js";
import { DATA_TYPE, float32, type ModelSpec, modelBytes, node, value } from "../../helpers/model.js";
import { referenceMask } from "../../helpers/reference-mask.js";
import { int64s, testRuntime } from "../../helpers/runtime.js";
import { byRow, candidateOf, referenceJob, weightValues } from "../weights-subject.js";

const runtime = testRuntime();
afterEach(() => expect(runtime.openSessions()).toBe(0));

const C = 12;
const VOCABULARY = 20;
const TOKENS = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7];

/** Embeddings → for every block: e · up → Relu → · down → + e. All activations are outputs. */
function stack(blocks: number): ModelSpec {
  const linear = (block: number, name: string, from: string, seed: number) => ({
    node: node(
      "MatMul",
      [from, `${name}${block}`],
      [`${name}_out${block}`],
      {},
      { name: `/model/layers.${block}/mlp/${name}_proj/MatMul` },
    ),
    weight: float32(`${name}${block}`, [C, C], weightValues(C * C, seed)),
  });
  const parts = Array.from({ length: blocks }, (_, b) => {
    const [up, down] = [linear(b, "up", `e${b}`, 2 * b + 1), linear(b, "down", `r${b}`, 2 * b + 2)];
    return {
      nodes: [
        up.node,
        node("Relu", [`up_out${b}`], [`r${b}`]),
        down.node,
        node("Add", [`e${b}`, `down_out${b}`], [`e${b + 1}`]),
      ],
      weights: [up.weight, down.weight],
      outputs: [`e${b}`, `r${b}`],
    };
  });
  return {
    inputs: [value("input_ids", ["batch", "tokens"], DATA_TYPE.int64)],
    nodes: [node("Gather", ["embeddings", "input_ids"], ["e0"]), ...parts.flatMap(({ nodes }) => nodes)],
    initializers: [
      float32(
        "embeddings",
        [VOCABULARY, C],
        weightValues(VOCABULARY * C, 99).map((x) => 20 * x),
      ),
      ...parts.flatMap(({ weights }) => weights),
    ],
    outputs: [...parts.flatMap(({ outputs }) => outputs), `e${blocks}`].map((name) =>
      value(name, ["batch", "tokens", C]),
    ),
  };
}

async function subjectOf(spec: ModelSpec): Promise<Subject> {
  const model = buildModel(await openModel(modelBytes(spec), { name: "tiny" }));
  const { targets } = findTargets(model);
  const layers = 1 + Math.max(...targets.map(({ layer }) => layer ?? 0));
  const plan = { layers, pattern: byRow(0.5) } as Plan;
  const dense = await DenseWeights.read(targets);
  // Magnitude needs no statistics.
  return {
    plan,
    model,
    targets,
    runtime,
    sessionOptions: {},
    statistics: [],
    tokens: [TOKENS],
    seed: 1,
    dense,
  } as Partial<Subject> as Subject;
}

const magnitude = (sparsity: number): Candidate => ({ ...candidateOf({}, byRow(sparsity)), method: "magnitude" });

async function measure(subject: Subject, candidate: Candidate): Promise<number> {
  const open = await outputError.open(subject);
  const figure = await open.measure(candidate);
  await open.close();
  return figure;
}

/** Squared error of a layer's outputs from its inputs, token by token, as a share of the outputs. */
function shareOfOutput(subject: Subject, target: Target, candidate: Candidate, inputs: Rows): number {
  const bytes = subject.dense.of(target);
  const stored = new Float32Array(bytes.buffer, bytes.byteOffset, C * C);
  const held = Array.from({ length: C * C }, (_, k) => stored[(k % C) * C + Math.floor(k / C)] as number);
  const stays = referenceMask(referenceJob({ subject, target, held: new Map([[target, held]]) }, target, candidate));
  let [error, all] = [0, 0];
  for (const x of inputs)
    for (let o = 0; o < C; o++) {
      const dot = (counts: (k: number) => boolean) =>
        x.reduce((sum, xi, i) => sum + (counts(o * C + i) ? xi * (held[o * C + i] as number) : 0), 0);
      error += dot((k) => !stays[k]) ** 2;
      all += dot(() => true) ** 2;
    }
  return error / all;
}

describe("the output error", () => {
  it("is the squared error of each layer's outputs on its dense inputs, as a share of them, mean over weights", async () => {
    const spec = stack(2);
    const subject = await subjectOf(spec);
    const rows = await outputRows(runtime, spec, [{ input_ids: int64s(runtime, TOKENS, [1, TOKENS.length]) }]);
    const inputs = ["e0", "r0", "e1", "r1"].map((name) => rows[name] as Rows);
    for (const candidate of [
      magnitude(0.5),
      { ...magnitude(0), pattern: { kind: "n:m", keep: 1, of: 4, permute: false } as const },
    ]) {
      const shares = subject.targets.map((target, k) => shareOfOutput(subject, target, candidate, inputs[k] as Rows));
      const mean = shares.reduce((a, b) => a + b, 0) / shares.length;
      const found = await measure(subject, candidate);
      expect(Math.abs(found - mean)).toBeLessThan(1e-5 * mean);
    }
  });

  it("is 0 of a dense model and 1 of an empty one", async () => {
    const subject = await subjectOf(stack(1));
    expect(await measure(subject, magnitude(0))).toBe(0);
    expect(await measure(subject, magnitude(1))).toBe(1);
  });

  it("looks at the middle blocks of four equal parts of a deep model", async () => {
    const deep = await subjectOf(stack(9));
    const expected = [1, 3, 5, 7];
    const middle = { ...deep, targets: deep.targets.filter(({ layer }) => expected.includes(layer as number)) };
    expect(await measure(deep, magnitude(0.5))).toBeCloseTo(await measure(middle, magnitude(0.5)), 12);
  });
});
