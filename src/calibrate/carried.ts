/**
 * What one part of a model computes and later ones read, kept in files meanwhile: hidden states of
 * all samples can be larger than a part's weights. A file a batch and value, in a folder of its own in
 * the system's temporary one.
 */
import { PruneError } from "../errors.js";
import { type FileSystem, fileSystem } from "../file-system.node.js";
import { DATA_TYPES } from "../onnx/index.js";
import type { Runtime, RuntimeTensor } from "../runtime/index.js";

/** A tensor in a file. */
interface Place {
  readonly path: string;
  readonly type: string;
  readonly dims: readonly number[];
  /** Makes an array of the runtime's own kind from the bytes. */
  readonly elements: (bytes: ArrayBuffer) => unknown;
}

/** What is known of a value over all batches, to declare it as an input. */
export interface CarriedType {
  /** TensorProto.DataType. */
  readonly elemType: number;
  /** An axis on which batches differ is null. */
  readonly shape: readonly (number | null)[];
}

/** Values by name and batch. Close when done. */
export class Carried {
  private readonly places = new Map<string, Map<number, Place>>();
  private readonly types = new Map<string, CarriedType>();
  private count = 0;

  private constructor(
    private readonly system: FileSystem,
    private readonly folder: string,
  ) {}

  /**
   * @throws PruneError `storage` where there is no temporary folder to write to, and so do the methods;
   *   `unsupported` in browsers
   */
  static async open(): Promise<Carried> {
    const system = fileSystem({
      refusal: "calibration in parts keeps what passes between them in temporary files",
      remedy: "calibrate without calibration.memory",
    });
    const { mkdtemp, tmpdir, join } = system;
    const folder = await storing(tmpdir(), () => mkdtemp(join(tmpdir(), "transformers-prune-carried-")));
    return new Carried(system, folder);
  }

  /**
   * Keeps a tensor and frees it.
   *
   * @throws PruneError `unsupported` where it is none of numbers
   */
  async put(name: string, batch: number, tensor: RuntimeTensor): Promise<void> {
    const { writeFile, join } = this.system;
    this.types.set(name, joined(this.types.get(name), name, tensor));
    const { type, dims } = tensor;
    const data = tensor.data as unknown as Elements;
    const path = join(this.folder, String(this.count++));
    await storing(path, () => writeFile(path, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)));
    const place: Place = { path, type, dims: [...dims], elements: (bytes) => new data.constructor(bytes) };
    const own = this.places.get(name) ?? new Map<number, Place>();
    this.places.set(name, own.set(batch, place));
    tensor.dispose?.();
  }

  /** A tensor, read again. */
  async take(name: string, batch: number, runtime: Runtime): Promise<RuntimeTensor> {
    const place = this.places.get(name)?.get(batch);
    if (place === undefined) throw new TypeError(`no part has computed "${name}"`);
    const { path, type, dims, elements } = place;
    const { buffer, byteOffset, byteLength } = await storing(path, () => this.system.readFile(path));
    return runtime.tensor(type, elements(buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer), dims);
  }

  /** Type and shape of a value that was put. */
  typeOf(name: string): CarriedType {
    const type = this.types.get(name);
    if (type === undefined) throw new TypeError(`no part has computed "${name}"`);
    return type;
  }

  /** Removes the values that are not among these. */
  async keepOnly(names: ReadonlySet<string>): Promise<void> {
    for (const [name, places] of this.places) {
      if (names.has(name)) continue;
      this.places.delete(name);
      for (const { path } of places.values()) await storing(path, () => this.system.rm(path));
    }
  }

  async close(): Promise<void> {
    await this.system.rm(this.folder, { recursive: true, force: true });
  }
}

/** A typed array. */
interface Elements {
  readonly constructor: new (bytes: ArrayBuffer) => unknown;
  readonly buffer: ArrayBuffer;
  readonly byteOffset: number;
  readonly byteLength: number;
}

async function storing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new PruneError(
      "storage",
      `what passes between the parts of the model cannot be kept at ${path}: ${cause instanceof Error ? cause.message : String(cause)}; ` +
        "make room there or name another temporary folder (TMPDIR), or calibrate on fewer samples",
      { details: { path }, cause },
    );
  }
}

const ELEMENT_TYPES = new Map(Object.entries(DATA_TYPES).map(([number, type]) => [type?.name, Number(number)]));

function joined(known: CarriedType | undefined, name: string, { type, dims }: RuntimeTensor): CarriedType {
  const elemType = ELEMENT_TYPES.get(type);
  if (elemType === undefined || type === "string")
    throw new PruneError(
      "unsupported",
      `"${name}" is of type ${type}, which cannot be carried from one part of the model to the next; calibrate without memory`,
      { details: { value: name, type } },
    );
  const shape = dims.map((size, axis) => (known === undefined || known.shape[axis] === size ? size : null));
  return { elemType, shape };
}
