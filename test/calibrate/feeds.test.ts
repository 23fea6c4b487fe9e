import { describe, expect, it } from "vitest";
import { textFeeds } from "../../src/calibrate/index.js";
import type { InputMetadata } from "../../src/runtime/index.js";
import { testRuntime } from "../helpers/runtime.js";

const runtime = testRuntime();
const input = (name: string, type: string, shape: readonly (number | string)[]): InputMetadata => ({
  name,
  isTensor: true,
  type,
  shape,
});
const feedsOf = (...inputMetadata: InputMetadata[]) =>
  textFeeds(
    runtime,
    { inputMetadata },
    [
      [5, 6, 7],
      [8, 9, 10],
    ],
    "model.onnx",
  );
const valuesOf = (data: unknown) => Array.from(data as ArrayLike<number | bigint>, Number);

describe("feeds of token ids", () => {
  it.each(["int64", "int32", "float32"])("have a value for every token, as %s", (type) => {
    const perToken = ["input_ids", "attention_mask", "position_ids", "token_type_ids"];
    const feeds = feedsOf(...perToken.map((name) => input(name, type, ["batch", "tokens"])));
    expect(Object.values(feeds).map((feed) => [feed.type, feed.dims])).toEqual(perToken.map(() => [type, [2, 3]]));
    expect(valuesOf(feeds.input_ids?.data)).toEqual([5, 6, 7, 8, 9, 10]);
    expect(valuesOf(feeds.attention_mask?.data)).toEqual([1, 1, 1, 1, 1, 1]);
    expect(valuesOf(feeds.position_ids?.data)).toEqual([0, 1, 2, 0, 1, 2]);
    expect(valuesOf(feeds.token_type_ids?.data)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it.each(["float32", "float16"])("have an empty past, and full states that have no length, as %s", (type) => {
    const feeds = feedsOf(
      input("past_key_values.0.key", type, ["batch_size", 2, "past_sequence_length", 32]),
      input("past_conv.0", type, ["batch_size", 4, 3]),
    );
    expect(feeds["past_key_values.0.key"]?.dims).toEqual([2, 2, 0, 32]);
    expect(feeds["past_conv.0"]?.dims).toEqual([2, 4, 3]);
    expect(valuesOf(feeds["past_conv.0"]?.data)).toEqual(new Array(24).fill(0));
  });

  it("ask for all logits and use no cache", () => {
    const feeds = feedsOf(input("num_logits_to_keep", "int64", []), input("use_cache_branch", "bool", [1]));
    expect(feeds.num_logits_to_keep).toMatchObject({ type: "int64", dims: [] });
    expect(valuesOf(feeds.num_logits_to_keep?.data)).toEqual([0]);
    expect(feeds.use_cache_branch).toMatchObject({ type: "bool", dims: [1] });
    expect(valuesOf(feeds.use_cache_branch?.data)).toEqual([0]);
  });

  it("cannot be made for an input that text does not determine", () => {
    expect(() => feedsOf(input("pixel_values", "float32", ["batch", 3, 224, 224]))).toThrow(
      /model\.onnx: text alone does not determine the input "pixel_values"; calibrate with your own inputs/,
    );
  });

  it.each(["string", "uint64", "float16"])("cannot be made of type %s", (type) => {
    expect(() => feedsOf(input("input_ids", type, ["batch", "tokens"]))).toThrow(
      new RegExp(`input "input_ids" has type ${type}`),
    );
  });
});
