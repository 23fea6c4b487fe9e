/**
 * What a model's weights are stored in, as far as coefficients are concerned: what is best for floats
 * can be worse than untuned for codes of four bits (docs/pho.md), so records of the same storage go first.
 */
import type { Target } from "../graph/index.js";

/** Floats of any type, or codes of so many bits. */
export type Storage = "float" | "8-bit" | "4-bit" | "2-bit";

/** The dtypes of transformers.js by what their weights are stored in. */
const STORAGE_OF_DTYPE: Readonly<Record<string, Storage>> = {
  fp32: "float",
  fp16: "float",
  q8: "8-bit",
  int8: "8-bit",
  uint8: "8-bit",
  q4: "4-bit",
  q4f16: "4-bit",
  bnb4: "4-bit",
  q2: "2-bit",
  q2f16: "2-bit",
};

/** The storage of a dtype in the host's words; null where it is not known. */
export const storageOfDtype = (dtype: string): Storage | null => STORAGE_OF_DTYPE[dtype] ?? null;

/** What most of the elements of a session file's linear layers are stored in; null where there are none. */
export function storageOf(targets: readonly Pick<Target, "coding" | "shape">[]): Storage | null {
  const elements = new Map<Storage, number>();
  for (const { coding, shape } of targets) {
    const storage = STORAGE_OF_CODING[coding.kind === "affine" ? coding.bits : coding.kind];
    elements.set(storage, (elements.get(storage) ?? 0) + shape.out * shape.in);
  }
  const [commonest] = [...elements].sort(([, a], [, b]) => b - a);
  return commonest?.[0] ?? null;
}

const STORAGE_OF_CODING = { float: "float", 8: "8-bit", 4: "4-bit", 2: "2-bit", table: "4-bit" } as const;
