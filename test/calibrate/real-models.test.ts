import { describe, expect, it } from "vitest";
import { collectStatistics, openSamples, textFeeds } from "../../src/calibrate/index.js";
import { buildModel, findTargets, type Value } from "../../src/graph/index.js";
import { type NewValueInfo, openModel } from "../../src/onnx/index.js";
import { resolvePruneOption } from "../../src/options/index.js";
import type { ResolvedCalibration } from "../../src/options/types.js";
import { openEdited, type RuntimeTensor } from "../../src/runtime/index.js";
import { testRuntime } from "../helpers/runtime.js";
import { AUSTEN } from "../helpers/tokenizer.js";
import { expectClose, rowsOf, statisticsOf } from "./reference.js";

const TOKENS = Array.from({ length: 48 }, (_, t) => (t * 131 + 7) % 2048);

describe("on a whole language model taps count what the activations hold", () => {
  it.each([`${AUSTEN}/onnx/model.onnx`, "test/fixtures/austen-gpt2/onnx/model.onnx"])("%s", async (path) => {
    const runtime = testRuntime();
    const onnx = await openModel(path);
    const model = buildModel(onnx);
    const targets = findTargets(model).targets.filter(({ denseByDefault }) => denseByDefault === null);

    // The activations themselves, as outputs.
    const activations = new Map<string, { activation: Value; rank: number }>();
    for (const { uses, form } of targets)
      for (const { activation } of uses)
        activations.set(activation.name, { activation, rank: form === "gemm" ? 2 : 3 });
    const addOutputs = [...activations.values()].map(
      ({ activation, rank }): NewValueInfo => ({ name: activation.name, elemType: 1, shape: Array(rank).fill(null) }),
    );
    const edits = { graphs: new Map([[onnx.graph, { addOutputs, keepOutputs: () => false }]]) };
    const session = await openEdited(runtime, onnx, edits, {});
    const outputs = await session.run(textFeeds(runtime, session, [TOKENS], path));
    await session.release();

    const options = resolvePruneOption({ calibration: { tokens: [TOKENS] } }).forFile("model");
    const noTokenizer = () => Promise.reject(new Error("token ids need no tokenizer"));
    const samples = await openSamples(options?.calibration as ResolvedCalibration, noTokenizer, path);
    const statistics = await collectStatistics(model, targets, samples, { runtime, sessionOptions: {}, edits: {} }, {});
    expect(statistics.size).toBeGreaterThan(20);
    for (const [target, own] of statistics) {
      const rows = rowsOf(outputs[target.uses[0]?.activation.name ?? ""] as RuntimeTensor);
      expect(rows).toHaveLength(TOKENS.length);
      expectClose(own, statisticsOf(rows));
    }
    await onnx.close();
  });
});
