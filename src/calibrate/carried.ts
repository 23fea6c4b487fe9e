/**
 * What one part of a model computes and later ones read, kept meanwhile: as it is, up to a bound, and the
 * rest in files, because hidden states of all samples can be larger than a part's weights. A file a batch
 * and value, in a folder of its own in the system's temporary one.
 */
import { PruneError } from "../errors.js";
import { type FileSystem, fileSystem } from "../file-system.node.js";
import { DATA_TYPES } from "../onnx/index.js";
import { freeTensor, type Runtime, type RuntimeTensor } from "../runtime/index.js";

/** A tensor that is kept. */
interface Place {
  readonly take: (runtime: Runtime) => Promise<RuntimeTensor>;
  readonly remove: () => Promise<void>;
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
  private folder: { readonly system: FileSystem; readonly path: string } | null = null;
  private files = 0;
  private inMemory = 0;

  /** @param mostInMemory bytes of tensors that are kept as they are; a page has nothing else */
  constructor(private readonly mostInMemory: number) {}

  /**
   * Keeps a tensor, in the place of an earlier one of this name and batch, and owns it from now on.
   *
   * @throws PruneError `unsupported` where it is none of numbers; `storage` where a file is needed and cannot be
   *   written, and so do the other methods
   */
  async put(name: string, batch: number, tensor: RuntimeTensor): Promise<void> {
    const own = this.places.get(name) ?? new Map<number, Place>();
    this.places.set(name, own);
    await own.get(batch)?.remove();
    this.types.set(name, joined(this.types.get(name), name, tensor));
    const { byteLength } = tensor.data as unknown as Elements;
    const fits = this.inMemory + byteLength <= this.mostInMemory;
    own.set(batch, fits ? this.inPlace(tensor, byteLength) : await this.inFile(tensor));
  }

  /** As `take`; null where nothing was put. */
  async find(name: string, batch: number, runtime: Runtime): Promise<RuntimeTensor | null> {
    return (await this.places.get(name)?.get(batch)?.take(runtime)) ?? null;
  }

  /** A tensor that was put; it stays. */
  async take(name: string, batch: number, runtime: Runtime): Promise<RuntimeTensor> {
    const place = this.places.get(name)?.get(batch);
    if (place === undefined) throw new TypeError(`no part has computed "${name}"`);
    return place.take(runtime);
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
      for (const place of places.values()) await place.remove();
    }
  }

  async close(): Promise<void> {
    this.places.clear();
    if (this.folder === null) return;
    const { system, path } = this.folder;
    await system.rm(path, { recursive: true, force: true });
  }

  private inPlace(tensor: RuntimeTensor, byteLength: number): Place {
    this.inMemory += byteLength;
    return {
      take: async () => tensor,
      remove: async () => {
        this.inMemory -= byteLength;
        freeTensor(tensor);
      },
    };
  }

  private async inFile(tensor: RuntimeTensor): Promise<Place> {
    this.folder ??= await openFolder();
    const { system } = this.folder;
    const path = system.join(this.folder.path, String(this.files++));
    const { type, dims } = tensor;
    const data = tensor.data as unknown as Elements;
    await storing(path, () => system.writeFile(path, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)));
    const { constructor: Elements } = data;
    freeTensor(tensor);
    return {
      take: async (runtime) => {
        const { buffer, byteOffset, byteLength } = await storing(path, () => system.readFile(path));
        const bytes = buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
        return runtime.tensor(type, new Elements(bytes), dims);
      },
      remove: () => storing(path, () => system.rm(path)),
    };
  }
}

async function openFolder(): Promise<{ readonly system: FileSystem; readonly path: string }> {
  const system = fileSystem({
    refusal: "what passes between the parts of a model cannot be kept in files",
    remedy: "calibrate without calibration.memory",
  });
  const { mkdtemp, tmpdir, join } = system;
  const path = await storing(tmpdir(), () => mkdtemp(join(tmpdir(), "transformers-prune-carried-")));
  return { system, path };
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
      `"${name}" is of type ${type}, which cannot be carried from one part of the model to the next; calibrate the model whole`,
      { details: { value: name, type } },
    );
  const shape = dims.map((size, axis) => (known === undefined || known.shape[axis] === size ? size : null));
  return { elemType, shape };
}
