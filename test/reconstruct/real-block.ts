/** A feed-forward block of the small model in the repository: its weights, and what enters it on texts. */
import { readFile } from "node:fs/promises";
import { textFeeds } from "../../src/calibrate/index.js";
import { cutWindows } from "../../src/calibrate/windows.js";
import { buildModel, findTargets, readValues, type Target } from "../../src/graph/index.js";
import type { Dense } from "../../src/linalg/products.js";
import { openModel } from "../../src/onnx/index.js";
import { openEdited, type Runtime } from "../../src/runtime/index.js";
import { AUSTEN, austenTokenizer } from "../helpers/tokenizer.js";

export interface RealBlock {
  readonly gate: Dense;
  readonly up: Dense;
  readonly down: Dense;
  /** What enters the block on windows of a text, [tokens, in]. */
  readonly calibration: Dense;
  readonly held: Dense;
}

export async function austenBlock(runtime: Runtime, layer: number): Promise<RealBlock> {
  const onnx = await openModel(`${AUSTEN}/onnx/model.onnx`);
  const { targets } = findTargets(buildModel(onnx));
  const target = (name: string) => targets.find((each) => each.name === `layers.${layer}.mlp.${name}_proj`) as Target;
  const weight = async (name: string): Promise<Dense> => {
    const { shape } = target(name);
    return { rows: shape.out, columns: shape.in, values: await readValues(target(name)) };
  };
  const tap = target("gate").uses[0]?.activation.name as string;
  const addOutputs = [{ name: tap, elemType: 1, shape: [null, null, null] }];
  const edits = { graphs: new Map([[onnx.graph, { addOutputs, keepOutputs: () => false }]]) };
  const session = await openEdited(runtime, onnx, edits, {});
  const rows = async (file: string, count: number): Promise<Dense> => {
    const text = await readFile(`${AUSTEN}/${file}`, "utf8");
    const windows = cutWindows(text, await austenTokenizer(), { count, length: 256, bos: false });
    const columns = target("gate").shape.in;
    const values = new Float32Array(count * 256 * columns);
    for (const [k, window] of windows.entries()) {
      const { [tap]: output } = await session.run(textFeeds(runtime, session, [[...window]], file));
      values.set(output?.data as Float32Array, k * 256 * columns);
    }
    return { rows: count * 256, columns, values };
  };
  const block = {
    gate: await weight("gate"),
    up: await weight("up"),
    down: await weight("down"),
    calibration: await rows("calibration.txt", 24),
    held: await rows("persuasion.txt", 4),
  };
  await session.release();
  await onnx.close();
  return block;
}
