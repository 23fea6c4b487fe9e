/** Notes all that the sessions of a loaded model return, so that two loads of it can be compared bit for bit. */
import { createHash } from "node:crypto";

/**
 * @typedef {object} Recording
 * @property {number} runs
 * @property {number} notFinite values that are NaN or infinite, over all outputs
 * @property {string} hash of all outputs in the order of the runs
 * @property {unknown} result what `use` returned, where it is text
 */

/**
 * @param {any} loaded a pipeline or a model of the host
 * @param {() => unknown} use
 * @returns {Promise<Recording>}
 */
export async function record(loaded, use) {
  const hash = createHash("sha256");
  let [runs, notFinite] = [0, 0];
  for (const session of Object.values((loaded.model ?? loaded).sessions)) {
    const run = session.run.bind(session);
    session.run = async (/** @type {any[]} */ ...args) => {
      const outputs = await run(...args);
      runs++;
      for (const name of Object.keys(outputs).sort()) {
        const { data, dims, type } = outputs[name];
        hash.update(`${name} ${type} ${dims}`);
        hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
        if (type === "float32") for (const value of data) notFinite += Number.isFinite(value) ? 0 : 1;
      }
      return outputs;
    };
  }
  const result = await use();
  const isText = Array.isArray(result) && result.every((one) => typeof one === "string");
  return { runs, notFinite, hash: hash.digest("hex"), result: isText ? result : null };
}
