/** Products in a page, whose ONNX Runtime has fewer kernels than Node's: what it lacks is made up for. */
import { env } from "@huggingface/transformers";
import * as ort from "onnxruntime-web/webgpu";
import { beforeAll, describe, expect, it } from "vitest";
import { plainProducts } from "../../src/linalg/plain-products.js";
import { openProducts, type Runtime } from "../../src/runtime/index.js";
import { asFloat32, distance, randomMatrix } from "../helpers/matrices.js";

const wasmPaths = "/node_modules/onnxruntime-web/dist/";
beforeAll(() => {
  (env.backends.onnx.wasm as { wasmPaths?: string }).wasmPaths = wasmPaths;
  ort.env.wasm.wasmPaths = wasmPaths;
});

const runtime = {
  tensor: (type: never, values: never, dims: readonly number[]) => new ort.Tensor(type, values, dims),
  open: (bytes: Uint8Array, options: object) => ort.InferenceSession.create(bytes, options),
} as unknown as Runtime;

describe.each(["wasm", "webgpu"])("products in a page, on %s", (provider) => {
  it("are those of plain loops in both float types", async () => {
    const products = openProducts(runtime, { executionProviders: [provider] });
    const plain = plainProducts();
    const [wide, high] = [randomMatrix(7, 33, 1), randomMatrix(33, 5, 2)];
    const plus = randomMatrix(7, 5, 3);
    for (const transposeA of [false, true])
      for (const transposeB of [false, true])
        for (const factor of [1, -3]) {
          const a = transposeA ? randomMatrix(33, 7, 1) : wide;
          const b = transposeB ? randomMatrix(5, 33, 2) : high;
          const how = { transposeA, transposeB, factor };
          const expected = await plain.multiply(a, b, { ...how, plus });
          expect(distance(await products.multiply(a, b, { ...how, plus }), expected)).toBeLessThan(1e-13);
          const in32 = await products.multiply(asFloat32(a), asFloat32(b), { ...how, plus: asFloat32(plus) });
          expect(distance(in32, expected)).toBeLessThan(1e-4);
          const bare = await plain.multiply(a, b, how);
          expect(distance(await products.multiply(a, b, how), bare)).toBeLessThan(1e-13);
        }
    await products.release();
  });
});
