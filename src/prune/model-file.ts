/** A model file as the host hands it over, and how it is opened. */
import { type ExternalFile, type ModelInput, type OnnxModel, openModel } from "../onnx/index.js";

/** A model file as it comes from the host. */
export interface ModelFile {
  readonly input: ModelInput;
  readonly externalData?: readonly ExternalFile[];
  /** Session file with its dtype suffix, without folder and extension: `decoder_model_merged_fp16`. */
  readonly name: string;
}

/**
 * Opens a file of the host lazily, with the external data that came with it.
 *
 * @throws PruneError as `openModel` says
 */
export function openModelFile({ input, externalData, name }: ModelFile): Promise<OnnxModel> {
  return openModel(input, { ...(typeof input !== "string" && { name }), ...(externalData && { externalData }) });
}
