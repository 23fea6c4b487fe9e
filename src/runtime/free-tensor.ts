/** Tensors given back at once: what a session returned by the hundred, and nobody reads again. */
import { free } from "../tensor/free.js";
import type { RuntimeTensor } from "./runtime.js";

/** Frees a tensor, where it is computed and in this thread's memory. It must be the only one in its buffer. */
export function freeTensor(tensor: RuntimeTensor): void {
  // Values that are elsewhere must not be asked for; what has no location is in memory.
  const { location = "cpu" } = tensor as { readonly location?: string };
  const values: unknown = location === "cpu" ? tensor.data : null;
  tensor.dispose?.();
  if (ArrayBuffer.isView(values)) free(values);
}
