/** The browser's twin of `compressors.node.ts`: browsers have gzip but no brotli, and half a comparison is none. */
import { PruneError } from "../errors.js";
import type { Compressors } from "./compressors.node.js";

export type { Compressors } from "./compressors.node.js";

/**
 * Refuses.
 *
 * @throws PruneError `unsupported`
 */
export function compressors(): Compressors {
  throw new PruneError(
    "unsupported",
    'compareBytes measures gzip and brotli, and browsers have no brotli; leave it out (the encoding "packed" says what packing saves)',
  );
}
