import { describe, expect, it } from "vitest";
import { openPlan } from "../../src/prune/index.js";
import type { CoefficientLibrary } from "../../src/registry/index.js";
import { modelBytes } from "../helpers/model.js";
import { recordOf } from "../registry/arbitrary-record.js";
import { languageModel, resolved, TOKENS } from "./tiny.js";

const library: CoefficientLibrary = {
  registries: async () => [{ kind: "tuned", records: [recordOf({ family: "tiny/32", passes: 3 })] }],
  modelType: async () => "tiny",
};

async function planned(option: object): Promise<{ passes: number; coefficientsFrom: string }> {
  const file = { input: modelBytes(languageModel()), name: "model" };
  const given = resolved({ method: "crepe", pattern: "2:4", calibration: { tokens: TOKENS }, ...option });
  const { passes, coefficientsFrom } = await openPlan(file, given, library);
  return { passes, coefficientsFrom };
}

describe("the passes of a plan", () => {
  it("are those that the coefficients were tuned with, unless the user says otherwise", async () => {
    expect((await planned({})).passes).toBe(3);
    expect((await planned({ passes: 2 })).passes).toBe(2);
    expect((await planned({ passes: 1 })).passes).toBe(1);
  });

  it("are one for coefficients that nobody tuned, and where nothing is calibrated", async () => {
    expect((await planned({ coefficients: "default" })).passes).toBe(1);
    expect((await planned({ pattern: "1:4" })).passes).toBe(1);
    expect((await planned({ method: "magnitude", passes: 2 })).passes).toBe(1);
  });

  it("are one over feeds that can be read only once, and the report says that they were to be more", async () => {
    const feeds = (function* () {
      yield { input_ids: TOKENS[0] };
    })();
    const { passes, coefficientsFrom } = await planned({ calibration: { feeds } });
    expect(passes).toBe(1);
    expect(coefficientsFrom).toBe(
      "tuned on family tiny/32 (someone/small, fp32); with 1 pass instead of 3, because the feeds can be read only once",
    );
  });
});
