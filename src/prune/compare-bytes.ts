/**
 * What a pruned file takes in other encodings: sizes of the dense and the packed one follow from
 * their layout, those after compression are measured by streaming the dense one through zlib.
 */
import { once } from "node:events";
import { constants, createBrotliCompress, createGzip } from "node:zlib";
import { plannedBytes, writeModel } from "../onnx/index.js";
import type { ByteComparison, CompressedBytes } from "../report.js";
import { canPack } from "../rewrite/index.js";
import { type EncodedWeights, encodeWeights } from "./encode-weights.js";
import type { Masked } from "./masks.js";
import type { Plan } from "./plan.js";

/** gzip's own default; what most servers use. */
export const GZIP_LEVEL = 6;
/** Usual for content that is compressed as it is sent; the highest takes minutes for a model. */
export const BROTLI_QUALITY = 5;

/**
 * Compares the encodings of a masked file.
 *
 * @param compress also measure gzip and brotli, which reads the whole file
 * @throws PruneError as `writeModel`; the signal's reason when aborted
 */
export async function compareBytes(
  plan: Plan,
  masked: Pick<Masked, "masks">,
  compress: boolean,
): Promise<ByteComparison> {
  const fileName = `${plan.name}.onnx`;
  const { onnx } = plan.model;
  const bytesOf = ({ edits, external }: EncodedWeights) => plannedBytes(onnx, edits, { fileName, external });
  const dense = await encodeWeights(plan, masked, "dense");
  const sizes = { dense: bytesOf(dense), packed: await packedSize(plan, masked, bytesOf) };
  if (!compress) return sizes;
  const gzip = createGzip({ level: GZIP_LEVEL });
  const brotli = createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } });
  const counts = [counted(gzip), counted(brotli)] as const;
  const write = async (chunk: Uint8Array) => {
    // Side by side: each has a thread of its own.
    await Promise.all([gzip, brotli].map((stream) => (stream.write(chunk) ? undefined : once(stream, "drain"))));
  };
  const { signal } = plan.options;
  try {
    await writeModel(onnx, dense.edits, { write: (_, chunk) => write(chunk) }, { fileName, signal });
    gzip.end();
    brotli.end();
    const [gzipped, brotlied] = await Promise.all(counts);
    const of = (level: number, bytes: number): CompressedBytes => ({ level, bytes });
    return { ...sizes, compressed: { gzip: of(GZIP_LEVEL, gzipped), brotli: of(BROTLI_QUALITY, brotlied) } };
  } finally {
    gzip.destroy();
    brotli.destroy();
  }
}

/** null where the model is too old to be packed. */
async function packedSize(
  plan: Plan,
  masked: Pick<Masked, "masks">,
  bytesOf: (encoded: EncodedWeights) => number,
): Promise<number | null> {
  return canPack(plan.model.onnx) ? bytesOf(await encodeWeights(plan, masked, "packed")) : null;
}

/** Bytes that come out of a stream until it ends. */
function counted(stream: NodeJS.ReadableStream): Promise<number> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    stream.on("data", (chunk: Uint8Array) => {
      bytes += chunk.length;
    });
    stream.on("end", () => resolve(bytes));
    stream.on("error", reject);
  });
}
