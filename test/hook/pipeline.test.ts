import * as host from "@huggingface/transformers";
import { beforeAll, describe, expect, expectTypeOf, test } from "vitest";
import { type PruneProgressInfo, type PruneReport, pipeline, prune, withPrune } from "../../src/index.js";
import {
  AUSTEN,
  BERT,
  fileOf,
  GPT2,
  openFiles,
  openSessions,
  SHORT,
  sessions,
  sparsities,
  T5,
  temporaryFolder,
} from "./loading.js";

const PROMPT = "It was a fine morning, and";
const cache = temporaryFolder();
/** Pruning that takes a moment and needs no calibration. */
const FAST = { method: "magnitude", pattern: "2:4", cache } as const;

const lastOpened = () => {
  const last = sessions.at(-1);
  if (last === undefined) throw new Error("no session was opened");
  return last;
};

const generate = async (pipe: host.TextGenerationPipeline) => {
  const [{ generated_text: text } = { generated_text: "" }] = await pipe(PROMPT, {
    max_new_tokens: 12,
    do_sample: false,
  });
  return text;
};

describe("pipeline", () => {
  let dense = "";
  beforeAll(async () => {
    const pipe = await host.pipeline("text-generation", AUSTEN, { dtype: "fp32" });
    dense = await generate(pipe);
    await pipe.dispose();
  });

  test("opens the pruned model, which generates another text", async () => {
    const reports: PruneReport[] = [];
    const pipe = await pipeline("text-generation", AUSTEN, {
      dtype: "fp32",
      prune: { pattern: "2:4", calibration: SHORT, cache, onReport: (report) => reports.push(report) },
    });

    expect(new Set((await sparsities(lastOpened())).values())).toEqual(new Set([0.5]));
    const text = await generate(pipe);
    expect(text.length).toBeGreaterThan(PROMPT.length);
    expect(text).not.toBe(dense);
    expect(reports).toMatchObject([
      {
        file: "model",
        method: "sparsegpt",
        reconstruct: "obs",
        repair: ["least-squares"],
        sequential: null,
        target: "weights",
        groups: 1,
        pattern: "2:4",
        calibration: "2 samples of 64 tokens of the built-in text",
        zeros: 589_824,
        prunable: 1_179_648,
        fromCache: false,
        notes: [],
      },
    ]);
    const weights = reports[0]?.weights ?? [];
    expect(weights.map(({ tokens }) => tokens)).toEqual(new Array(42).fill(128));
    for (const { name, error } of weights) {
      expect(error, name).toBeGreaterThan(0);
      expect(error, name).toBeLessThan(0.5);
    }
    const { update, mask } = reports[0]?.seconds ?? { update: 0, mask: Number.NaN };
    expect(update).toBeGreaterThan(0);
    expect(mask).toBe(0);
    expect(openSessions()).toEqual([lastOpened()]);
  });

  test('takes the short form "2:4" with all defaults', async () => {
    const pipe = await pipeline("text-generation", AUSTEN, { dtype: "fp32", cache_dir: cache, prune: "2:4" });
    expect(new Set((await sparsities(lastOpened())).values())).toEqual(new Set([0.5]));
    await pipe.dispose();
  });

  test.each([undefined, null])("is exactly the host's where prune is %s", async (nothing) => {
    const pipe = await pipeline("text-generation", AUSTEN, { dtype: "fp32", prune: nothing });
    expect(await generate(pipe)).toBe(dense);
    expect(sessions.map(({ model }) => model)).toEqual([`${AUSTEN}/onnx/model.onnx`]);
    expect(pipe).toBeInstanceOf(host.TextGenerationPipeline);
  });

  test("returns the host's own type", () => {
    // A function that is never called: only its types count.
    const typed = async () => {
      const text = await pipeline("text-generation", "x", { prune: "2:4" });
      expectTypeOf(text).toEqualTypeOf<host.TextGenerationPipeline>();
      const features = await pipeline("feature-extraction", "x", {
        dtype: { model: "fp16" },
        prune: {
          calibration: {
            run: async (pipe) => {
              expectTypeOf(pipe).toEqualTypeOf<host.FeatureExtractionPipeline>();
            },
          },
        },
      });
      expectTypeOf(features).toEqualTypeOf<host.FeatureExtractionPipeline>();
      const model = await withPrune(host.AutoModelForCausalLM).from_pretrained("x", { prune: true });
      expectTypeOf(model).toEqualTypeOf<Awaited<ReturnType<typeof host.AutoModelForCausalLM.from_pretrained>>>();
      await host.pipeline("text-generation", "x", { session_options: { ...prune(0.5), intraOpNumThreads: 1 } });
      // @ts-expect-error a task that does not exist
      await pipeline("text-degeneration", "x", {});
      // @ts-expect-error a pattern and a sparsity exclude each other
      await pipeline("text-generation", "x", { prune: { pattern: "2:4", sparsity: 0.5 } });
    };
    expectTypeOf(typed).toBeFunction();
  });

  test("accepts a progress_callback that knows only the host's events, and one that knows ours", () => {
    const typed = async () => {
      await pipeline("text-generation", "x", { progress_callback: (info: host.ProgressInfo) => void info.status });
      await pipeline("text-generation", "x", {
        progress_callback: (info) => {
          if (info.status === "prune") expectTypeOf(info).toEqualTypeOf<PruneProgressInfo>();
        },
      });
    };
    expectTypeOf(typed).toBeFunction();
  });

  test("refuses an unknown option, naming the nearest, before anything is loaded", async () => {
    const sparcity = pipeline("text-generation", AUSTEN, { prune: { sparcity: 0.5 } as never });
    await expect(sparcity).rejects.toMatchObject({
      code: "unknown-option",
      message: expect.stringContaining('did you mean "sparsity"?'),
    });
    expect(sessions).toEqual([]);
  });

  test("names the remedy where nothing can be pruned", async () => {
    const nothing = pipeline("text-generation", AUSTEN, {
      dtype: "fp32",
      prune: { ...FAST, exclude: "*" },
    });
    await expect(nothing).rejects.toMatchObject({
      code: "no-targets",
      message: expect.stringContaining("loosen include and exclude"),
    });
    expect(openFiles()).toEqual([]);
  });
});

describe("withPrune", () => {
  test("prunes what from_pretrained loads", async () => {
    const model = await withPrune(host.AutoModelForCausalLM).from_pretrained(GPT2, { dtype: "fp32", prune: FAST });
    expect(model).toBeInstanceOf(host.PreTrainedModel);
    expect(new Set((await sparsities(lastOpened())).values())).toEqual(new Set([0.5]));
    const tokenizer = await host.AutoTokenizer.from_pretrained(GPT2);
    const output = (await model.generate({ ...tokenizer(PROMPT), max_new_tokens: 4 })) as host.Tensor;
    expect(output.dims[0]).toBe(1);
  });

  test("leaves the class as it is, and without prune loads like it", async () => {
    const model = await withPrune(host.AutoModelForCausalLM).from_pretrained(GPT2, { dtype: "fp32" });
    expect(sessions.map(({ model: opened }) => opened)).toEqual([`${GPT2}/onnx/model.onnx`]);
    await model.dispose();
  });
});

describe("prune() in session_options", () => {
  test("makes the host's own pipeline prune, and keeps other session options", async () => {
    const infos: PruneProgressInfo[] = [];
    const sessionOptions = {
      ...prune(
        { ...FAST, calibration: SHORT, method: "wanda" },
        { progress_callback: (info) => infos.push(info as never) },
      ),
      intraOpNumThreads: 1,
    };
    const pipe = await host.pipeline("text-generation", AUSTEN, { dtype: "fp32", session_options: sessionOptions });
    expect(new Set((await sparsities(lastOpened())).values())).toEqual(new Set([0.5]));
    expect(lastOpened().options).toMatchObject({ intraOpNumThreads: 1 });
    expect((await generate(pipe)).length).toBeGreaterThan(PROMPT.length);
    expect(infos.at(-1)).toMatchObject({ status: "prune", name: AUSTEN, file: "onnx/model.onnx", progress: 100 });
  });

  test("may be used for several models", async () => {
    const session_options = prune(FAST);
    await host.pipeline("text-generation", AUSTEN, { dtype: "fp32", session_options });
    await host.AutoModelForCausalLM.from_pretrained(GPT2, { dtype: "fp32", session_options });
    expect(sessions).toHaveLength(2);
    for (const opened of sessions) expect(new Set((await sparsities(opened)).values())).toEqual(new Set([0.5]));
  });

  test("throws at once for a bad option", () => {
    expect(() => prune({ pattern: "4:2" })).toThrowError(expect.objectContaining({ code: "bad-option" }));
  });

  test("says that a decoder needs pipeline() or withPrune()", async () => {
    const session_options = prune({ pattern: "2:4", calibration: SHORT, cache: false });
    await expect(host.pipeline("text2text-generation", T5, { session_options })).rejects.toMatchObject({
      code: "bad-calibration",
      message: expect.stringContaining("use pipeline() or withPrune()"),
    });
  });

  test("is an error for a file in which nothing can be pruned", async () => {
    const session_options = prune({ ...FAST, include: "nothing.*" });
    await expect(host.pipeline("text-generation", AUSTEN, { dtype: "fp32", session_options })).rejects.toMatchObject({
      code: "no-targets",
    });
  });
});

describe("several models at once", () => {
  test("are pruned each by its own options, and one without prune stays dense", async () => {
    const [austen, gpt2, dense, encoder] = await Promise.all([
      pipeline("text-generation", AUSTEN, { dtype: "fp32", prune: FAST }),
      pipeline("text-generation", GPT2, { dtype: "fp32", prune: { method: "magnitude", sparsity: 0.75, cache } }),
      host.pipeline("text-generation", AUSTEN, { dtype: "fp32" }),
      pipeline("feature-extraction", BERT, { dtype: "fp32", prune: { ...FAST, pattern: "1:4", cache: false } }),
    ]);

    const bySession = new Map(
      await Promise.all(sessions.map(async (one) => [one.session, await sparsities(one)] as const)),
    );
    const of = (pipe: { model: object }) => {
      const [session] = Object.values((pipe.model as { sessions: Record<string, never> }).sessions);
      return [...(bySession.get(session as never) ?? new Map<string, number>()).values()];
    };
    expect(new Set(of(austen))).toEqual(new Set([0.5]));
    expect(new Set(of(gpt2))).toEqual(new Set([0.75]));
    expect(new Set(of(dense))).toEqual(new Set([0]));
    expect(new Set(of(encoder))).toEqual(new Set([0.75]));
  });

  test("leaves the helper graphs of the host alone", async () => {
    // topk runs on a graph of a few bytes that the host opens through the same door.
    await pipeline("feature-extraction", BERT, { dtype: "fp32", prune: FAST });
    const [values] = await host.topk(new host.Tensor("float32", Float32Array.from([1, 3, 2]), [3]), 1);
    expect([...values.data]).toEqual([3]);
    const helper = lastOpened();
    expect(fileOf(helper)).toBe("bytes");
    expect(helper.options).not.toHaveProperty("extra");
  });
});
