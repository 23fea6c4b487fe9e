/** The files of a model as one zip. Weights are stored, not compressed: zeros in between compress, but slowly. */
import { downloadZip } from "client-zip";
import type { FolderFile } from "./protocol.js";

/** Zip of `files` under their paths, as a Blob. */
export const zipOf = (files: readonly FolderFile[]): Promise<Blob> =>
  downloadZip(files.map(({ path, blob }) => ({ name: path, input: blob }))).blob();
