/**
 * The wire. Opens ONNX files lazily and writes them back; gives names and offsets, no meaning.
 */

export { byteLengthOf, DATA_TYPES, type DataType } from "./data-types.js";
export { graphsOf } from "./graphs-of.js";
export { type OpenOptions, openModel } from "./open.js";
export { checkStoredLength, readOwnTensor, readTensor } from "./read-tensor.js";
export { type SerializedModel, serializeModel } from "./serialize.js";
export type * from "./types.js";
export { type ViewEdits, viewOf } from "./view.js";
export { type ModelSink, plannedBytes, type WriteOptions, type WrittenModel, writeModel } from "./write.js";
