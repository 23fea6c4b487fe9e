/** Side files of a model as text: in Node they lie beside the session file, and are read there (key-parts.node.ts). */
import type { LoadOptions } from "./tokenizer.js";

/** null: nobody asks. */
export const readSideText = async (_id: string | null, _name: string, _options: LoadOptions): Promise<string | null> =>
  null;
