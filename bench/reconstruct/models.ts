/** The two models of protocol P1 that updates have figures for: where they lie, and which texts they are run on. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { GOLDEN, type GoldenModel } from "../../test/helpers/golden.js";

export const MODEL_NAMES = ["smollm2-135m", "austen-1.4m"] as const;

/** A model with what protocol P1 says of it. */
export interface BenchModel {
  readonly name: string;
  readonly folder: string;
  readonly golden: GoldenModel;
  readonly calibration: string;
  readonly evaluation: string;
}

/** @param texts folder of the texts for SmolLM2, which is found by PRUNE_MODELS */
export function benchModel(name: string, texts: string): BenchModel {
  const golden = GOLDEN[name];
  if (golden === undefined) throw new Error(`no figures for ${name}; there are ${MODEL_NAMES.join(", ")}`);
  const [folder, calibration, evaluation] =
    name === "austen-1.4m"
      ? (["models/austen-1.4m", "models/austen-1.4m/calibration.txt", "models/austen-1.4m/persuasion.txt"] as const)
      : ([
          join(process.env.PRUNE_MODELS ?? "", name),
          join(texts, "wikitext2-valid.txt"),
          join(texts, "wikitext2-test.txt"),
        ] as const);
  const read = (path: string) => readFileSync(path, "utf8");
  return { name, golden, folder: resolve(folder), calibration: read(calibration), evaluation: read(evaluation) };
}
