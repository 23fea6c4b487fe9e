/** What the objectives that run the model measure, against models that are opened and compared in the plain way. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { textFeeds } from "../../../src/calibrate/index.js";
import { perplexity } from "../../../src/eval/index.js";
import type { Target } from "../../../src/graph/index.js";
import { openEdited, type RuntimeTensor } from "../../../src/runtime/index.js";
import type { Candidate } from "../../../src/tune/candidate.js";
import { type ObjectiveName, objectiveOf } from "../../../src/tune/objectives/index.js";
import type { Subject } from "../../../src/tune/subject.js";
import { weightEdits } from "../../../src/tune/weight-edits.js";
import { candidateAt, OPENING, type OpenedSubject, openRealSubject, SESSION_FILES } from "../real-subject.js";

/** The hidden states of the two models, under the names that their exporters gave them. */
const STATES = {
  "austen-1.4m": (layer: number) => `/model/layers.${layer}/Add_1_output_0`,
  "austen-gpt2": (layer: number) => `/transformer/h.${layer}/Add_1_output_0`,
} as const;
const LAYERS = [0, 1, 2, 3, 4, 5];

const HALF = candidateAt(0.5, { power: 1 });
const DENSE = candidateAt(0);

describe.each(Object.keys(STATES) as (keyof typeof STATES)[])("on %s", (name) => {
  let opened: OpenedSubject;
  let subject: Subject;
  beforeAll(async () => {
    opened = await openRealSubject(SESSION_FILES[name]);
    ({ subject } = opened);
  }, OPENING);
  afterAll(() => opened.close());

  async function measured(objective: ObjectiveName, candidate: Candidate, of: Subject = subject): Promise<number> {
    const open = await objectiveOf(objective).open(of);
    try {
      return await open.measure(candidate);
    } finally {
      await open.close();
    }
  }

  /** Outputs of the model as it would be written, its weights in the file but for `weights`. */
  async function outputsOf(weights: ReadonlyMap<Target, Uint8Array>, outputs: readonly string[]) {
    const { onnx } = subject.model;
    const addOutputs = outputs
      .filter((output) => onnx.graph.outputs.every((own) => own.name !== output))
      .map((output) => ({ name: output, elemType: 1, shape: ["batch", "tokens", "channels"] }));
    const edits = { graphs: new Map([[onnx.graph, { addOutputs }]]), tensors: weightEdits(weights) };
    const session = await openEdited(subject.runtime, onnx, edits, subject.sessionOptions);
    try {
      const run = await session.run(textFeeds(subject.runtime, session, subject.tokens, onnx.name));
      return outputs.map((output) => rowsOf(run[output] as RuntimeTensor));
    } finally {
      await session.release();
    }
  }

  const pruned = (candidate: Candidate) => subject.masked.of(candidate, subject.targets);

  it("hidden drift is the cosine distance of two models that are opened each with its weights", async () => {
    const names = LAYERS.map(STATES[name]);
    const dense = await outputsOf(new Map(), names);
    const sparse = await outputsOf(await pruned(HALF), names);
    const expected = dense
      .map((states, layer) => mean(states.map((state, t) => 1 - cosine(state, sparse[layer]?.[t] as Float64Array))))
      .reduce((sum, distance) => sum + distance, 0);
    expect(relative(await measured("hidden-drift", HALF), expected)).toBeLessThan(1e-4);
  });

  it("the divergence is that of the predictions, and 0 between the model and itself", async () => {
    const [dense = []] = await outputsOf(new Map(), ["logits"]);
    const [sparse = []] = await outputsOf(await pruned(HALF), ["logits"]);
    const expected = mean(dense.map((logits, t) => divergence(logits, sparse[t] as Float64Array)));
    expect(relative(await measured("kl", HALF), expected)).toBeLessThan(1e-3);
    expect(Math.abs(await measured("kl", DENSE))).toBeLessThan(1e-6);
  });

  it("the likelihood is the logarithm of the windows' perplexity", async () => {
    const { runtime, sessionOptions, tokens, model } = subject;
    const dense = await perplexity(model.onnx, tokens, { runtime, sessionOptions });
    expect(await measured("likelihood", DENSE)).toBeCloseTo(dense.meanNegativeLogLikelihood, 5);
    const tensors = weightEdits(await pruned(HALF));
    const half = await perplexity(model.onnx, tokens, { runtime, sessionOptions, edits: { tensors } });
    expect(await measured("likelihood", HALF)).toBeCloseTo(half.meanNegativeLogLikelihood, 5);
  });

  it.each(["block-error", "block-cosine", "hidden-drift"] as const)("%s of the dense weights is 0", async (objective) =>
    expect(Math.abs(await measured(objective, DENSE))).toBeLessThan(1e-6),
  );

  it.each([
    ["block-error", LAYERS],
    ["block-cosine", LAYERS],
    ["block-error", LAYERS.filter((layer) => layer !== 3)],
  ] as const)(
    "%s sees each block alone: what pruning one changes adds up to what pruning all of %j does",
    async (objective, layers) => {
      const targets = subject.targets.filter(({ layer }) => layers.includes(layer as number));
      let only: number | null = null;
      const of = async (candidate: Candidate, targets: readonly Target[]) => {
        const masked = await subject.masked.of(candidate, targets);
        return new Map([...masked].filter(([target]) => only === null || target.layer === only));
      };
      const open = await objectiveOf(objective).open({
        ...subject,
        targets,
        masked: { of } as unknown as Subject["masked"],
      });
      const all = await open.measure(HALF);
      const alone: number[] = [];
      for (const layer of layers) {
        only = layer;
        alone.push(await open.measure(HALF));
      }
      await open.close();
      for (const figure of alone) expect(figure).toBeGreaterThan(1e-5);
      const sum = alone.reduce((total, figure) => total + figure, 0);
      expect(relative(all, sum)).toBeLessThan(1e-4);
    },
  );

  it("block error is that of a block whose weights alone are pruned in the model", async () => {
    const [first] = LAYERS as [number];
    const weights = new Map([...(await pruned(HALF))].filter(([target]) => target.layer === first));
    const [dense = []] = await outputsOf(new Map(), [STATES[name](first)]);
    const [sparse = []] = await outputsOf(weights, [STATES[name](first)]);
    const squares = (rows: readonly Float64Array[]) =>
      rows.reduce((sum, row) => sum + row.reduce((own, x) => own + x * x, 0), 0);
    const differences = dense.map((row, t) => row.map((x, i) => x - (sparse[t]?.[i] as number)));
    const of = async () => weights;
    const alone = { ...subject, masked: { of } as unknown as Subject["masked"] };
    const expected = squares(differences) / squares(dense) / LAYERS.length;
    expect(relative(await measured("block-error", HALF, alone), expected)).toBeLessThan(1e-3);
  });
});

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const relative = (value: number, expected: number): number => Math.abs(value / expected - 1);

/** [batch, tokens, channels] as one float64 row a token. */
function rowsOf({ data, dims }: RuntimeTensor): Float64Array[] {
  const channels = dims.at(-1) as number;
  const all = Float64Array.from(data as Float32Array);
  return Array.from({ length: all.length / channels }, (_, t) => all.subarray(t * channels, (t + 1) * channels));
}

function cosine(a: Float64Array, b: Float64Array): number {
  const dot = (x: Float64Array, y: Float64Array) => x.reduce((sum, value, i) => sum + value * (y[i] as number), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

/** Σ p (log p − log q) of softmax(a) and softmax(b). */
function divergence(a: Float64Array, b: Float64Array): number {
  const logOf = (logits: Float64Array) => {
    const highest = Math.max(...logits);
    const normaliser = highest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - highest), 0));
    return logits.map((logit) => logit - normaliser);
  };
  const [p, q] = [logOf(a), logOf(b)];
  return p.reduce((sum, log, k) => sum + Math.exp(log) * (log - (q[k] as number)), 0);
}
