/** ONNX Runtime in Node opens and runs sessions side by side, so nothing waits (see one-at-a-time.web.ts). */
import type { InferenceSessionClass } from "./onnx-runtime.js";

/** Runs `work` at once. */
export const oneAtATime = <T>(work: () => Promise<T>): Promise<T> => work();

/** Leaves runs as they are. */
export function lineUpRuns(_sessions: InferenceSessionClass): void {}
