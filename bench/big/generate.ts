/**
 * Writes a Llama of random weights to disk as a model that transformers.js loads: topology and data files by our own
 * writer, one tensor in memory at a time; config and the tokenizer of models/austen-1.4m beside them.
 */
import { cp, mkdir, open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openModel, writeModel } from "../../src/onnx/index.js";
import { newLayout } from "../../src/onnx/layout.js";
import { chunksOf } from "../../src/onnx/pieces.js";
import { type LlamaConfig, llamaBytes, llamaEdits } from "../../test/helpers/llama.js";

const CHUNK_BYTES = 2 ** 22;
const TOKENIZER = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json"];

/**
 * Writes the model into `folder`.
 *
 * @param maxDataFileBytes most bytes of one data file
 * @returns names and bytes of its files
 */
export async function generate(
  config: LlamaConfig,
  folder: string,
  maxDataFileBytes: number,
): Promise<{ name: string; bytes: number }[]> {
  const fileName = config.dtype === "float32" ? "model.onnx" : "model_fp16.onnx";
  const onnxFolder = join(folder, "onnx");
  await mkdir(onnxFolder, { recursive: true });
  const model = await openModel(llamaBytes(config), { name: fileName });
  const values = llamaEdits(model, config);
  const { tensors, dataFiles } = newLayout(model, { tensors: values }, fileName, maxDataFileBytes);
  const files: { name: string; bytes: number }[] = [];
  const writeChunks = async (name: string, chunks: AsyncIterable<Uint8Array>) => {
    const file = await open(join(onnxFolder, name), "w");
    let bytes = 0;
    for await (const chunk of chunks) bytes += (await file.write(chunk)).bytesWritten;
    await file.close();
    files.push({ name, bytes });
  };
  for (const { name, pieces } of dataFiles) await writeChunks(name, chunksOf(pieces, CHUNK_BYTES));
  const topology: Uint8Array[] = [];
  const sink = { write: async (_: string, chunk: Uint8Array) => void topology.push(chunk) };
  await writeModel(model, { tensors }, sink, { fileName });
  await writeFile(join(onnxFolder, fileName), Buffer.concat(topology));
  files.push({ name: fileName, bytes: Buffer.concat(topology).length });

  const tiny = JSON.parse(await readFile("models/austen-1.4m/config.json", "utf8")) as object;
  const sizes = {
    dtype: config.dtype,
    head_dim: config.hidden / config.heads,
    hidden_size: config.hidden,
    intermediate_size: config.intermediate,
    max_position_embeddings: config.positions,
    num_attention_heads: config.heads,
    num_hidden_layers: config.layers,
    num_key_value_heads: config.kvHeads,
    rms_norm_eps: 1e-5,
    tie_word_embeddings: false,
    vocab_size: config.vocabulary,
    "transformers.js_config": { use_external_data_format: { [fileName]: dataFiles.length } },
  };
  await writeFile(join(folder, "config.json"), `${JSON.stringify({ ...tiny, ...sizes }, null, 2)}\n`);
  for (const name of TOKENIZER) await cp(join("models/austen-1.4m", name), join(folder, name));
  return files;
}
