/**
 * Where on disk a model really lies. The runtime follows links and then refuses files outside of the
 * folder it was told; caches of other libraries are made of links (`model.onnx` → `blobs/4f2a…`), so
 * folder and names are those behind the links.
 */
import { fileSystem } from "../file-system.node.js";
import type { ByteSource, OnnxModel } from "../onnx/index.js";

/** A folder, and each file of the model as a path in it. */
export interface FilesOnDisk {
  readonly folder: string;
  readonly locations: ReadonlyMap<ByteSource, string>;
}

/** @returns null where a file is in memory, or lies outside of the folder that holds the .onnx */
export async function filesOnDisk(model: OnnxModel): Promise<FilesOnDisk | null> {
  const sources = [model.source, ...model.externalSources.values()];
  if (sources.some(({ path }) => path === undefined)) return null;
  const { realpath, dirname, isAbsolute, relative, sep } = fileSystem({
    refusal: `${model.name} cannot be looked up on disk`,
    remedy: "open the model from bytes or a Blob",
  });
  const folder = dirname(await realpath(model.source.path as string));
  const locations = new Map<ByteSource, string>();
  for (const source of sources) {
    const location = relative(folder, await realpath(source.path as string));
    if (location.split(sep)[0] === ".." || isAbsolute(location)) return null;
    locations.set(source, location);
  }
  return { folder, locations };
}
