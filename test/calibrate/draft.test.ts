import { describe, expect, it } from "vitest";
import { GraphDraft } from "../../src/calibrate/index.js";
import { openModel } from "../../src/onnx/index.js";
import { openEdited } from "../../src/runtime/index.js";
import { DATA_TYPE, float32, type ModelSpec, modelBytes, node, value } from "../helpers/model.js";
import { floats, testRuntime } from "../helpers/runtime.js";

const runtime = testRuntime();

/** y = x · w. With `declared` the weight is also an input, a default that may be overridden, as files of IR 3 have it. */
const spec = (declared: boolean): ModelSpec => ({
  inputs: [value("x", [1, 2]), ...(declared ? [value("w", [2, 2])] : [])],
  nodes: [node("MatMul", ["x", "w"], ["y"])],
  initializers: [float32("w", [2, 2], [1, 0, 0, 1])],
  outputs: [value("y", [1, 2])],
});

describe("an input that a draft declares", () => {
  it.each([
    ["an initializer", false],
    ["an initializer that is an input as well", true],
  ])("takes the place of %s", async (_, declared) => {
    const model = await openModel(modelBytes(spec(declared)));
    const draft = new GraphDraft(model, "a test");
    draft.input("w", DATA_TYPE.float32, [2, 2]);
    const session = await openEdited(runtime, model, { graphs: draft.edits(true) }, {});
    expect([...session.inputNames].sort()).toEqual(["w", "x"]);
    const feeds = { x: floats(runtime, [1, 2], [1, 2]), w: floats(runtime, [3, 4, 5, 6], [2, 2]) };
    expect(Array.from((await session.run(feeds)).y?.data as Float32Array)).toEqual([13, 16]);
    await session.release();
  });

  it("may have any element type, and is cast to another", async () => {
    const model = await openModel(modelBytes(spec(false)));
    const draft = new GraphDraft(model, "a test");
    const half = draft.castTo(model.graph, DATA_TYPE.float16, draft.input("fed", DATA_TYPE.float32, [2]), "half");
    draft.output(model.graph, draft.toFloat32(model.graph, half, "back"), [2]);
    const session = await openEdited(runtime, model, { graphs: draft.edits(false) }, {});
    expect(session.outputNames).toEqual(["back"]);
    const feeds = { x: floats(runtime, [0, 0], [1, 2]), fed: floats(runtime, [1 / 3, 1e6], [2]) };
    expect(Array.from((await session.run(feeds)).back?.data as Float32Array)).toEqual([
      Math.fround(0.333251953125),
      Number.POSITIVE_INFINITY,
    ]);
    await session.release();
  });
});
