import { afterEach, describe, expect, it, vi } from "vitest";
import { collectStatistics, openSamples, type Tokenizer } from "../../src/calibrate/index.js";
import { buildModel, findTargets } from "../../src/graph/index.js";
import { openModel, type TensorEdit } from "../../src/onnx/index.js";
import { resolvePruneOption } from "../../src/options/index.js";
import type { CalibrationOptions, RawFeeds } from "../../src/options/types.js";
import type { ChannelStatistics } from "../../src/score/index.js";
import { bytesOf, DATA_TYPE, float32, type ModelSpec, modelBytes, node, value } from "../helpers/model.js";
import { int64s, testRuntime } from "../helpers/runtime.js";
import { expectClose, statisticsOf } from "./reference.js";

const VOCABULARY = 300;
const C = 4;
const table = Float32Array.from({ length: VOCABULARY * C }, (_, k) => Math.cos(k * 0.7));
const row = (id: number) => [...table.subarray(id * C, (id + 1) * C)];

/** ids → embeddings · w1 → · w2, with `batch` sequences of any length at a time. */
const languageModel = (batch: number | string = "batch"): ModelSpec => ({
  inputs: [
    value("input_ids", [batch, "tokens"], DATA_TYPE.int64),
    value("attention_mask", [batch, "tokens"], DATA_TYPE.int64),
  ],
  nodes: [
    node("Gather", ["table", "input_ids"], ["e"]),
    node("MatMul", ["e", "w1"], ["h"]),
    node("MatMul", ["h", "w2"], ["y"]),
  ],
  initializers: [
    float32("table", [VOCABULARY, C], table),
    float32("w1", [C, C], new Float32Array(C * C).fill(1)),
    float32("w2", [C, C], new Float32Array(C * C).fill(1)),
  ],
  outputs: [value("y", [batch, "tokens", C])],
});

/** A tokenizer of one token a character. */
const characters: Tokenizer = { encode: (text) => Array.from(text, (c) => c.charCodeAt(0)), bosId: 1 };

const runtime = testRuntime();
afterEach(() => {
  expect(runtime.openSessions()).toBe(0);
  vi.restoreAllMocks();
});

interface Collected {
  readonly w1: ChannelStatistics;
  readonly w2: ChannelStatistics;
  readonly description: string;
  /** Feeds of input_ids, run by run. */
  readonly runs: readonly (readonly number[][])[];
  readonly done: readonly number[];
}

async function collect(
  calibration: CalibrationOptions,
  {
    spec = languageModel(),
    tensors = {} as Record<string, TensorEdit>,
    signal = undefined as AbortSignal | undefined,
  } = {},
): Promise<Collected> {
  const options = resolvePruneOption({ calibration }).forFile("model");
  const onnx = await openModel(modelBytes(spec), { name: "tiny" });
  const model = buildModel(onnx);
  const { targets } = findTargets(model);
  if (options === null) throw new Error("left dense");
  const samples = await openSamples(options.calibration, async () => characters, "tiny");
  const runs: number[][][] = [];
  const done: number[] = [];
  const watched = {
    ...runtime,
    open: async (...args: Parameters<typeof runtime.open>) => {
      const session = await runtime.open(...args);
      const run = session.run.bind(session);
      session.run = (feeds) => {
        const { data, dims } = feeds.input_ids as { data: BigInt64Array; dims: number[] };
        const ids = Array.from(data, Number);
        runs.push(
          Array.from({ length: dims[0] ?? 0 }, (_, b) => ids.slice(b * (dims[1] ?? 0), (b + 1) * (dims[1] ?? 0))),
        );
        return run(feeds);
      };
      return session;
    },
  };
  const edits = new Map(
    targets.flatMap(({ tensor }) => (tensors[tensor.name] ? [[tensor, tensors[tensor.name] as TensorEdit]] : [])),
  );
  const statistics = await collectStatistics(
    model,
    targets,
    samples,
    { runtime: watched, sessionOptions: {}, edits: { tensors: edits } },
    { signal, onSample: (count) => done.push(count) },
  );
  const byName = new Map([...statistics].map(([target, own]) => [target.tensor.name, own]));
  const of = (name: string) => byName.get(name) as ChannelStatistics;
  return { w1: of("w1"), w2: of("w2"), description: samples.description, runs, done };
}

const codes = (text: string) => Array.from(text, (c) => c.charCodeAt(0));

describe("samples of text", () => {
  it("are windows from the start of the text, as many as are asked for", async () => {
    const { w1, runs, description } = await collect({ texts: "abcdefghijkl", count: 2, length: 5 });
    expect(runs).toEqual([[codes("abcde"), codes("fghij")]]);
    expectClose(w1, statisticsOf(codes("abcdefghij").map(row)));
    expect(description).toBe("2 samples of 5 tokens of the given text");
  });

  it("start with BOS where that is asked for", async () => {
    const { runs } = await collect({ texts: "abcdefghijkl", count: 2, length: 5, bos: true });
    expect(runs).toEqual([
      [
        [1, ...codes("abcd")],
        [1, ...codes("efgh")],
      ],
    ]);
  });

  it("that are fewer than asked for are all used, and the report says so", async () => {
    const { runs, description } = await collect({ texts: "abc", count: 4, length: 8 });
    expect(runs).toEqual([[codes("abc")]]);
    expect(description).toBe("1 sample of 3 tokens of the given text (4 were asked for)");
  });

  it("come from the built-in text where none is given", async () => {
    const { w1, description } = await collect({ count: 2, length: 16 }, { spec: languageModel() });
    expect(w1.tokens).toBe(32);
    expect(description).toBe("2 samples of 16 tokens of the built-in text");
  });

  it("without a token are an error", async () => {
    const options = resolvePruneOption({ calibration: { texts: "odd" } }).forFile("model");
    const mute: Tokenizer = { encode: () => [], bosId: null };
    await expect(openSamples(options?.calibration as never, async () => mute, "tiny")).rejects.toMatchObject({
      code: "bad-calibration",
      message: expect.stringMatching(/tiny: calibration has no tokens; give a text/),
    });
  });
});

describe("samples of token ids", () => {
  it("are used as they are, those of one length together in a run", async () => {
    const tokens = [[1, 2], [3, 4], [5], [6], [7, 8, 9]];
    const { w1, runs, done, description } = await collect({ tokens });
    expect(runs).toEqual([
      [
        [1, 2],
        [3, 4],
      ],
      [[5], [6]],
      [[7, 8, 9]],
    ]);
    expect(done).toEqual([2, 4, 5]);
    expectClose(w1, statisticsOf(tokens.flat().map(row)));
    expect(description).toBe("5 samples of token ids");
  });

  it("come in runs of about 512 tokens", async () => {
    const tokens = Array.from({ length: 6 }, (_, s) => new Array<number>(200).fill(s + 1));
    const { runs } = await collect({ tokens });
    expect(runs.map((run) => run.length)).toEqual([2, 2, 2]);
  });

  it("run one by one where the file takes one at a time", async () => {
    const { runs } = await collect(
      {
        tokens: [
          [1, 2],
          [3, 4],
        ],
      },
      { spec: languageModel(1) },
    );
    expect(runs).toEqual([[[1, 2]], [[3, 4]]]);
  });

  it("that the model does not know are an error with the runtime's reason", async () => {
    await expect(collect({ tokens: [[VOCABULARY + 1, 2]] })).rejects.toMatchObject({
      code: "bad-calibration",
      message: expect.stringMatching(
        /tiny: a calibration sample cannot be run: .*Gather.*takes input_ids, attention_mask/s,
      ),
    });
  });
});

describe("ready feeds", () => {
  const feed = (ids: number[], mask: number[]): RawFeeds => ({
    input_ids: int64s(runtime, ids, [1, ids.length]),
    attention_mask: int64s(runtime, mask, [1, mask.length]),
  });

  it("are streamed, one a run, and their padding is left out", async () => {
    const asked: number[] = [];
    async function* stream() {
      for (const id of [1, 2, 3]) {
        asked.push(id);
        yield feed([id, 99], [1, 0]);
      }
    }
    const { w1, done, description } = await collect({ feeds: stream() });
    expectClose(w1, statisticsOf([1, 2, 3].map(row)));
    expect(asked).toEqual([1, 2, 3]);
    expect(done).toEqual([1, 2, 3]);
    expect(description).toBe("the given feeds");
  });

  it("that are none are an error", async () => {
    await expect(collect({ feeds: (function* () {})() })).rejects.toMatchObject({
      code: "bad-calibration",
      message: expect.stringMatching(/tiny: calibration gave no sample; give at least one/),
    });
  });

  it("that lack an input are an error that lists the inputs", async () => {
    const { input_ids } = feed([1], [1]);
    await expect(collect({ feeds: [{ input_ids }] })).rejects.toMatchObject({
      code: "bad-calibration",
      message: expect.stringMatching(/cannot be run: .*attention_mask/s),
    });
  });

  it("that fail on their way pass their own error on", async () => {
    const broken = (function* (): Generator<RawFeeds> {
      yield feed([1], [1]);
      throw new Error("microphone unplugged");
    })();
    await expect(collect({ feeds: broken })).rejects.toThrow("microphone unplugged");
  });
});

it("run() needs a pipeline and says where to find one", async () => {
  await expect(collect({ run: () => 0 })).rejects.toMatchObject({ code: "bad-calibration" });
});

it("statistics are those of the model with the tensors that an earlier pass pruned", async () => {
  const sparse = Float32Array.from({ length: C * C }, (_, k) => (k % 2 === 0 ? 1 : 0));
  const edit = { kind: "bytes", byteLength: sparse.byteLength, bytes: () => bytesOf(sparse) } as const;
  const { w1, w2 } = await collect({ tokens: [[1, 2]] }, { tensors: { w1: edit } });
  const through = (x: readonly number[]) =>
    Array.from({ length: C }, (_, o) => x.reduce((sum, xi, i) => sum + xi * (sparse[i * C + o] as number), 0));
  expectClose(w1, statisticsOf([row(1), row(2)]));
  expectClose(w2, statisticsOf([row(1), row(2)].map(through)));
});

describe("an abort", () => {
  it("between batches ends with the signal's reason and releases the session", async () => {
    const controller = new AbortController();
    const feeds = (function* (): Generator<RawFeeds> {
      for (const id of [1, 2, 3]) {
        if (id === 2) controller.abort(new Error("enough"));
        if (id === 3) throw new Error("was asked for more");
        yield { input_ids: int64s(runtime, [id], [1, 1]), attention_mask: int64s(runtime, [1], [1, 1]) };
      }
    })();
    await expect(collect({ feeds }, { signal: controller.signal })).rejects.toThrow("enough");
    expect(runtime.openSessions()).toBe(0);
  });

  it("before the start opens no session", async () => {
    const open = vi.spyOn(runtime, "open");
    const signal = AbortSignal.abort(new Error("too late"));
    await expect(collect({ tokens: [[1]] }, { signal })).rejects.toThrow("too late");
    expect(open).not.toHaveBeenCalled();
  });
});
