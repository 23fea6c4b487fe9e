/** Taps of convolutions: every place of the window is a token, and its input channels are channels × kernel. */
import { afterEach, describe, expect, it } from "vitest";
import { collectMoments } from "../../src/calibrate/index.js";
import { buildModel, findTargets } from "../../src/graph/index.js";
import { fullProduct } from "../../src/linalg/second-moments.js";
import { openModel } from "../../src/onnx/index.js";
import { float16, float32, ifNode, modelBytes, node, value } from "../helpers/model.js";
import { randomNumbers } from "../helpers/quantised.js";
import { floats, testRuntime } from "../helpers/runtime.js";
import { expectClose, type Rows, samplesOf, statisticsOf, tapped } from "./reference.js";

const runtime = testRuntime();
afterEach(() => expect(runtime.openSessions()).toBe(0));

interface Convolution {
  readonly input: readonly number[];
  readonly kernel: readonly number[];
  readonly strides?: readonly number[];
  readonly dilations?: readonly number[];
  readonly pads?: readonly number[];
  readonly autoPad?: string;
}

const OUT = 3;
const product = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1);

/** Coordinates of an index, the last axis fastest. */
function unravel(index: number, sizes: readonly number[]): number[] {
  const at: number[] = [];
  let rest = index;
  for (const size of [...sizes].reverse()) {
    at.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return at;
}

/** Pads that an `auto_pad` of SAME stands for: the output has ceil(size / stride) places. */
function padsOf({ input, kernel, strides, dilations, pads, autoPad }: Convolution): readonly number[] {
  const axes = kernel.map((size, k) => {
    const [length, stride] = [input[2 + k] as number, strides?.[k] ?? 1];
    const reach = (size - 1) * (dilations?.[k] ?? 1) + 1;
    const total = Math.max(0, (Math.ceil(length / stride) - 1) * stride + reach - length);
    const small = Math.floor(total / 2);
    return autoPad === "SAME_UPPER" ? [small, total - small] : [total - small, small];
  });
  if (autoPad?.startsWith("SAME"))
    return [...axes.map(([begin]) => begin as number), ...axes.map(([, end]) => end as number)];
  return autoPad === "VALID" || pads === undefined ? new Array(2 * kernel.length).fill(0) : pads;
}

/** What meets the kernel at every place: [places, channels · kernel], by the definition of a convolution. */
function patches(x: readonly number[], convolution: Convolution): Rows {
  const { input, kernel, strides, dilations } = convolution;
  const [batch, channels, ...lengths] = input as [number, number, ...number[]];
  const pads = padsOf(convolution);
  const stepOf = (k: number) => strides?.[k] ?? 1;
  const spreadOf = (k: number) => dilations?.[k] ?? 1;
  const places = lengths.map((length, k) => {
    const reach = ((kernel[k] as number) - 1) * spreadOf(k) + 1;
    const padded = length + (pads[k] as number) + (pads[k + lengths.length] as number);
    return Math.floor((padded - reach) / stepOf(k)) + 1;
  });
  return Array.from({ length: batch * product(places) }, (_, row) => {
    const [image, ...place] = unravel(row, [batch, ...places]) as [number, ...number[]];
    return Array.from({ length: channels * product(kernel) }, (_, column) => {
      const [channel, ...within] = unravel(column, [channels, ...kernel]) as [number, ...number[]];
      const at = within.map((w, k) => (place[k] as number) * stepOf(k) - (pads[k] as number) + w * spreadOf(k));
      if (at.some((position, k) => position < 0 || position >= (lengths[k] as number))) return 0;
      const index = at.reduce(
        (flat, position, k) => flat * (lengths[k] as number) + position,
        image * channels + channel,
      );
      return x[index] as number;
    });
  });
}

function layer({ input, kernel, strides, dilations, pads, autoPad }: Convolution, half = false) {
  const [, channels = 1] = input;
  const dims = [OUT, channels, ...kernel];
  const random = randomNumbers(5);
  const weight = Array.from({ length: product(dims) }, () => Math.round(random() * 16 - 8) / 8);
  const attributes = {
    ...(strides && { strides }),
    ...(dilations && { dilations }),
    ...(pads && { pads }),
    ...(autoPad && { auto_pad: autoPad }),
  };
  const types = half ? [node("Cast", ["raised"], ["x16"], { to: 10 })] : [];
  const spec = {
    inputs: [value("x", input)],
    nodes: [
      // Something before it, or it would be a stem.
      node("Abs", ["x"], ["raised"]),
      ...types,
      node("Conv", [half ? "x16" : "raised", "w"], [half ? "y16" : "y"], attributes, { name: "/layers.0/conv/Conv" }),
      ...(half ? [node("Cast", ["y16"], ["y"], { to: 1 })] : []),
    ],
    initializers: [(half ? float16 : float32)("w", dims, weight)],
    outputs: [
      value(
        "y",
        input.map(() => null),
      ),
    ],
  };
  return { spec, weight };
}

const CASES: readonly (readonly [string, Convolution])[] = [
  ["1×1", { input: [2, 4, 3, 5], kernel: [1, 1] }],
  ["1×1 with strides", { input: [2, 4, 5, 5], kernel: [1, 1], strides: [2, 2] }],
  ["patches", { input: [1, 3, 8, 12], kernel: [4, 4], strides: [4, 4] }],
  [
    "3×2 with pads, strides and dilations",
    { input: [2, 2, 9, 8], kernel: [3, 2], strides: [2, 1], dilations: [1, 3], pads: [1, 0, 2, 3] },
  ],
  ["along one axis", { input: [2, 4, 11], kernel: [3], strides: [2], pads: [1, 1] }],
  ["along three axes", { input: [1, 2, 4, 3, 5], kernel: [2, 2, 3], pads: [0, 0, 1, 0, 0, 1] }],
  ["auto_pad SAME_UPPER", { input: [1, 2, 7, 6], kernel: [3, 2], strides: [2, 2], autoPad: "SAME_UPPER" }],
  ["auto_pad SAME_LOWER", { input: [1, 2, 7, 6], kernel: [4, 2], strides: [1, 2], autoPad: "SAME_LOWER" }],
  ["auto_pad VALID", { input: [1, 2, 7, 6], kernel: [3, 3], autoPad: "VALID" }],
];

describe("taps of a convolution", () => {
  it.each(CASES)("count what meets each weight: %s", async (_, convolution) => {
    const { spec, weight } = layer(convolution);
    const random = randomNumbers(9);
    const xs = [0, 1].map(() => Array.from({ length: product(convolution.input) }, random));
    const feeds = xs.map((x) => ({ x: floats(runtime, x, convolution.input) }));
    const rows = xs.flatMap((x) => patches(x, convolution));
    expectClose((await tapped(runtime, spec, feeds)).w, statisticsOf(rows));
    // The reference itself: the weight times these patches is what the runtime computes.
    const session = await runtime.open(modelBytes(spec), {});
    const { y } = await session.run(feeds[0] as (typeof feeds)[0]);
    await session.release();
    const found = (y as NonNullable<typeof y>).data as Float32Array;
    const own = patches(xs[0] as number[], convolution);
    const places = own.length / (convolution.input[0] as number);
    for (const [row, patch] of own.entries())
      for (let o = 0; o < OUT; o++) {
        const sum = patch.reduce((sum, x, i) => sum + x * (weight[o * patch.length + i] as number), 0);
        expect(found[(Math.floor(row / places) * OUT + o) * places + (row % places)]).toBeCloseTo(sum, 4);
      }
  });

  it.each(CASES)("multiply what meets each weight: %s", async (_, convolution) => {
    const random = randomNumbers(9);
    const xs = [0, 1].map(() => Array.from({ length: product(convolution.input) }, random));
    const feeds = xs.map((x) => ({ x: floats(runtime, x, convolution.input) }));
    const rows = xs.flatMap((x) => patches(x, convolution));
    const model = buildModel(await openModel(modelBytes(layer(convolution).spec)));
    const options = { runtime, sessionOptions: {}, edits: {} };
    const [moments] = (await collectMoments(model, findTargets(model).targets, samplesOf(feeds), options, {})).values();
    const { channels, packed } = moments as NonNullable<typeof moments>;
    const found = fullProduct({ channels, packed }, new Float64Array(channels * channels));
    for (let i = 0; i < channels; i++)
      for (let j = 0; j < channels; j++) {
        const expected = rows.reduce((sum, row) => sum + (row[i] as number) * (row[j] as number), 0);
        expect(found[i * channels + j]).toBeCloseTo(expected, 3);
      }
  });

  it("square in float32 what is float16, which overflows", async () => {
    const convolution = { input: [1, 2, 6], kernel: [3] };
    const x = Array.from({ length: 12 }, (_, k) => 300 + k);
    const found = await tapped(runtime, layer(convolution, true).spec, [{ x: floats(runtime, x, convolution.input) }]);
    expectClose(found.w, statisticsOf(patches(x, convolution)));
  });

  it("count the branch that runs", async () => {
    const convolution = { input: [1, 2, 6], kernel: [3] };
    const branch = (name: string, act: string) => ({
      nodes: [node(act, ["x"], [`h_${name}`]), node("Conv", [`h_${name}`, name], [`y_${name}`])],
      initializers: [float32(name, [OUT, 2, 3], new Float32Array(18).fill(0.5))],
      outputs: [value(`y_${name}`, [1, OUT, 4])],
    });
    const spec = {
      inputs: [value("x", convolution.input), value("c", [1], 9)],
      nodes: [ifNode("c", ["y"], branch("w1", "Abs"), branch("w2", "Neg"))],
      outputs: [value("y", [1, OUT, 4])],
    };
    const x = Array.from({ length: 12 }, (_, k) => k / 7);
    const feeds = [1, 0].map((c) => ({
      x: floats(runtime, x, convolution.input),
      c: runtime.tensor("bool", Uint8Array.of(c), [1]),
    }));
    const found = await tapped(runtime, spec, feeds);
    const negative = x.map((value) => -value);
    expectClose(found.w1, statisticsOf(patches(x, convolution)));
    expectClose(found.w2, statisticsOf(patches(negative, convolution)));
  });
});
