import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { OpenPlans } from "../../src/hook/open-plans.js";
import { resolvePruneOption } from "../../src/options/index.js";
import { openPlan } from "../../src/prune/index.js";
import type { CoefficientLibrary } from "../../src/registry/index.js";
import { T5 } from "./loading.js";

const file = (name: string) => ({ input: join(T5, `onnx/${name}.onnx`), name });
const options = resolvePruneOption({ method: "magnitude", pattern: "2:4" }).forFile("model");
if (options === null) throw new Error("nothing to prune");
/** Magnitude has no coefficients to look for. */
const library = null as unknown as CoefficientLibrary;

describe("the plans of a model's files", () => {
  test("are one for each file, whoever asks while it is being opened", async () => {
    const plans = new OpenPlans(library);
    const [host, run] = [plans.open(file("encoder_model"), options), plans.open(file("encoder_model"), options)];
    expect(await run).toBe(await host);
    expect(await plans.open(file("decoder_model_merged"), options)).not.toBe(await host);
    expect(await plans.all()).toHaveLength(2);
    await plans.close();
  });

  test("are closed together, but for those that somebody else opened", async () => {
    const plans = new OpenPlans(library);
    const given = await openPlan(file("encoder_model"), options);
    plans.add(file("encoder_model"), given);
    const closings = [given, await plans.open(file("decoder_model_merged"), options)].map(({ model }) =>
      vi.spyOn(model.onnx, "close"),
    );
    await plans.close([given]);
    expect(closings.map(({ mock }) => mock.calls.length)).toEqual([0, 1]);
    await given.model.onnx.close();
  });

  test("tell who asks that a file cannot be opened, and go on without it", async () => {
    const plans = new OpenPlans(library);
    await expect(plans.open(file("no_such_model"), options)).rejects.toMatchObject({ code: "not-found" });
    expect(await plans.all()).toEqual([]);
    await plans.close();
  });
});
