/**
 * What the decoders share while one file is decoded: where external tensors get their sources, the
 * list of all tensors, and a budget that stops files made of nothing but tags.
 */
import type { ExternalFiles } from "./external-files.js";
import { MAX_DEPTH, tooDeep } from "./scan.js";
import type { OnnxTensor } from "./types.js";
import { type Field, malformed, type Span } from "./wire.js";

/** Objects and names decoded from one file. Large models have some 10^5; each costs a hundred bytes or so. */
const MAX_OBJECTS = 2_000_000;

export class DecodeContext {
  #objects = 0;
  readonly tensors: OnnxTensor[] = [];

  constructor(
    readonly externals: ExternalFiles,
    readonly maxObjects = MAX_OBJECTS,
  ) {}

  /** Counts one more object of the file; call it for whatever takes memory in the decoded model. */
  count(span: Span): void {
    if (++this.#objects > this.maxObjects) {
      throw malformed(span.source, span.offset, `there are more than ${this.maxObjects} nodes, names and attributes`);
    }
  }

  /** Counts a message and checks how deep it lies. */
  enter(span: Span, depth: number): void {
    this.count(span);
    if (depth > MAX_DEPTH) throw tooDeep(span.source, span.offset);
  }
}

/** Refuses a second occurrence of a message that may occur once. protobuf would merge them; no known
 *  exporter writes such a file, and merged messages could not be written back as they were. */
export function onlyOne(previous: unknown, field: Field, what: string): void {
  if (previous !== null) throw malformed(field.source, field.start, `there is a second ${what}; expected one`);
}
