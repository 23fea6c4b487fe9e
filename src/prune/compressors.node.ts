/** Compressors that only count what comes out: zlib's in Node. The browser's twin refuses. */
import { once } from "node:events";
import { constants, createBrotliCompress, createGzip } from "node:zlib";
import type { ByteComparison } from "../report.js";

/** gzip's own default; what most servers use. */
const GZIP_LEVEL = 6;
/** Usual for content that is compressed as it is sent; the highest takes minutes for a model. */
const BROTLI_QUALITY = 5;

/** gzip and brotli, side by side on the same bytes. */
export interface Compressors {
  readonly write: (chunk: Uint8Array) => Promise<void>;
  /** Sizes after compression, when all is written. */
  readonly finish: () => Promise<NonNullable<ByteComparison["compressed"]>>;
  /** Frees them, finished or not. */
  readonly close: () => void;
}

/**
 * Starts both.
 *
 * @throws PruneError `unsupported` in browsers
 */
export function compressors(): Compressors {
  const gzip = createGzip({ level: GZIP_LEVEL });
  const brotli = createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } });
  const streams = [gzip, brotli];
  const counts = Promise.all([counted(gzip), counted(brotli)]);
  counts.catch(() => {}); // Whoever awaits `finish` learns of it.
  return {
    write: async (chunk) => {
      // Side by side: each has a thread of its own.
      await Promise.all(streams.map((stream) => (stream.write(chunk) ? undefined : once(stream, "drain"))));
    },
    finish: async () => {
      for (const stream of streams) stream.end();
      const [gzipped, brotlied] = await counts;
      return {
        gzip: { level: GZIP_LEVEL, bytes: gzipped },
        brotli: { level: BROTLI_QUALITY, bytes: brotlied },
      };
    },
    close: () => {
      for (const stream of streams) stream.destroy();
    },
  };
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
