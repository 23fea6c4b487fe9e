/** Paths of files in an entry: with "/" everywhere, and data files beside the .onnx that they belong to. */

/** Path of a file in a subfolder of an entry, "" for none. */
export const pathIn = (subfolder: string, fileName: string): string =>
  subfolder === "" ? fileName : `${subfolder}/${fileName}`;

/** Those of the paths that are external data of a session file; the writer names them after it (onnx/layout.ts). */
export const dataFilesOf = (fileName: string, paths: readonly string[]): string[] =>
  paths.filter((path) => path.startsWith(`${fileName}_data`));
