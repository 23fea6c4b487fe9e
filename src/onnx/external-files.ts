/**
 * The files in which a model keeps tensor values outside of the .onnx. A model is untrusted input:
 * its locations may not leave the folder of the model, by name or by symbolic link, and every range
 * is checked against its file when the model is opened, before anything is read.
 */
import { PruneError } from "../errors.js";
import { type FileSystem, fileSystem } from "../file-system.node.js";
import { blobSource, fileSource, memorySource } from "./sources.js";
import type { ByteSource, ExternalFile, ExternalLocation } from "./types.js";

/** A tensor's range in an external file. */
interface Claim extends ExternalLocation {
  readonly tensor: string;
}

/** Collects the external ranges of a model while it is decoded, then finds and checks the files. */
export class ExternalFiles {
  readonly #claims: Claim[] = [];
  readonly #sources = new Map<string, ExternalSource>();

  /**
   * @param model name of the model, for messages
   * @param modelPath path of the .onnx, null where it is no file
   * @param given files given by the caller; they win over files in the folder
   */
  constructor(
    readonly model: string,
    readonly modelPath: string | null,
    readonly given: readonly ExternalFile[],
  ) {}

  /** The source a tensor's range lies in; it can be read after `open`. */
  claim(claim: Claim): ByteSource {
    const reason = badLocation(claim.location);
    if (reason !== null) throw this.#error(claim, `the location ${reason}; expected a file in the model's folder`);
    this.#claims.push(claim);
    let source = this.#sources.get(claim.location);
    if (source === undefined) {
      source = new ExternalSource(`${this.model} › ${claim.location}`);
      this.#sources.set(claim.location, source);
    }
    return source;
  }

  /**
   * Finds every file and checks that it holds what the tensors claim. Reads no payload.
   *
   * @returns the files by location
   * @throws PruneError `bad-external-data` naming file, tensor, offset and length
   */
  async open(): Promise<ReadonlyMap<string, ByteSource>> {
    for (const claim of this.#claims) {
      const source = this.#sources.get(claim.location);
      if (source === undefined) continue;
      if (!source.isOpen) source.bytes = await this.#find(claim);
      if (claim.offset + claim.length > source.size) {
        throw this.#error(claim, `the file ends at byte ${source.size}; it is cut short or belongs to another model`);
      }
    }
    return this.#sources;
  }

  async #find(claim: Claim): Promise<ByteSource> {
    const wanted = withoutDot(claim.location);
    const given = this.given.find((file) => withoutDot(file.path) === wanted);
    if (given !== undefined) return givenSource(given);
    if (this.modelPath === null) {
      throw this.#error(claim, `the model is not a file on disk; give { path: "${wanted}", data } in externalData`);
    }
    const system = fileSystem({
      refusal: `${this.modelPath} has external files, which cannot be looked for beside it`,
      remedy: "give them as externalData",
      file: this.modelPath,
    });
    const { realpath, dirname, join } = system;
    const path = join(dirname(this.modelPath), claim.location);
    let real: string;
    let folders: string[];
    try {
      real = await realpath(path);
      // The hub's cache links both the model and its data to one folder of blobs, which counts too.
      folders = [await realpath(dirname(this.modelPath)), dirname(await realpath(this.modelPath))];
    } catch (cause) {
      throw this.#error(claim, "the file cannot be found; put it beside the model", cause);
    }
    if (!folders.some((folder) => isInside(system, folder, real)))
      throw this.#error(claim, "a symbolic link leads out of the model's folder; copy the file");
    return fileSource(real, { missing: "bad-external-data" });
  }

  #error(claim: Claim, finding: string, cause?: unknown): PruneError {
    const { tensor, location, offset, length } = claim;
    return new PruneError(
      "bad-external-data",
      `${this.model}: tensor "${tensor}" has its values in "${location}" (offset ${offset}, length ${length}), but ${finding}`,
      { details: { file: this.model, tensor, location, offset, length }, cause },
    );
  }
}

/** A source that is known by its location before its file is found. */
class ExternalSource implements ByteSource {
  bytes: ByteSource | null = null;

  constructor(readonly name: string) {}

  get isOpen(): boolean {
    return this.bytes !== null;
  }

  get size(): number {
    return this.bytes?.size ?? 0;
  }

  get path(): string | undefined {
    return this.bytes?.path;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    if (this.bytes === null) throw new TypeError(`${this.name} was read before it was opened`);
    return this.bytes.read(offset, length);
  }

  async close(): Promise<void> {
    await this.bytes?.close();
  }
}

/** Why a location cannot be a file in the model's folder; null where it can. Windows reads "\" and "c:" as path. */
function badLocation(location: string): string | null {
  if (location === "") return "is empty";
  if (location.includes("\0")) return "contains a zero byte";
  if (location.includes("\\")) return "contains a backslash";
  if (location.startsWith("/") || /^[a-z]:/i.test(location)) return "is an absolute path";
  if (location.split("/").includes("..")) return 'contains ".."';
  return null;
}

function isInside({ isAbsolute, relative, sep }: FileSystem, folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== "" && !isAbsolute(way) && way.split(sep)[0] !== "..";
}

function withoutDot(path: string): string {
  return path.replace(/^(\.\/)+/, "");
}

async function givenSource(file: ExternalFile): Promise<ByteSource> {
  const { path, data } = file;
  if (typeof data === "string") return fileSource(data, { missing: "bad-external-data" });
  if (data instanceof Blob) return blobSource(path, data);
  return memorySource(path, data instanceof Uint8Array ? data : new Uint8Array(data));
}
