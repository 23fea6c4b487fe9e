/**
 * What one part of a model computes and later ones read, kept in files between the runs: hidden
 * states of all samples can be larger than a part's weights. One file a batch and part; a folder of
 * its own in the system's temporary one, removed at the end.
 */
import { PruneError } from "../errors.js";
import { DATA_TYPES } from "../onnx/index.js";
import type { Runtime, RuntimeTensor } from "../runtime/index.js";

/** A tensor in a file. */
interface Place {
  readonly type: string;
  readonly dims: readonly number[];
  readonly path: string;
  readonly offset: number;
  readonly length: number;
  /** Makes the array of the runtime's own kind from bytes that begin at 0 of `buffer`. */
  readonly elements: (buffer: ArrayBuffer) => unknown;
}

/** What is known of a value over all batches, to declare it as an input. */
export interface CarriedType {
  /** TensorProto.DataType. */
  readonly elemType: number;
  /** An axis on which batches differ is null. */
  readonly shape: readonly (number | null)[];
}

/** Values by batch and name. Close when done. */
export class Carried {
  private readonly places = new Map<number, Map<string, Place>>();
  private readonly types = new Map<string, CarriedType>();
  private files = 0;

  private constructor(private readonly folder: string) {}

  static async open(): Promise<Carried> {
    const [{ mkdtemp }, { tmpdir }, { join }] = await Promise.all([
      import("node:fs/promises"),
      import("node:os"),
      import("node:path"),
    ]);
    return new Carried(await mkdtemp(join(tmpdir(), "transformers-prune-carried-")));
  }

  /** Keeps the tensors of a batch and frees them. */
  async put(batch: number, tensors: Readonly<Record<string, RuntimeTensor>>): Promise<void> {
    const names = Object.keys(tensors);
    if (names.length === 0) return;
    const [{ open }, { join }] = await Promise.all([import("node:fs/promises"), import("node:path")]);
    const path = join(this.folder, String(this.files++));
    const file = await open(path, "wx");
    try {
      let offset = 0;
      for (const name of names) {
        const tensor = tensors[name] as RuntimeTensor;
        const { type, dims } = tensor;
        this.types.set(name, joined(this.types.get(name), name, tensor));
        const data = tensor.data as unknown as Elements;
        const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
        for (let done = 0; done < bytes.length; ) done += (await file.write(bytes, done)).bytesWritten;
        const { constructor: Class } = data as unknown as { constructor: new (buffer: ArrayBuffer) => unknown };
        const place = {
          type,
          dims: [...dims],
          path,
          offset,
          length: bytes.length,
          elements: (b: ArrayBuffer) => new Class(b),
        };
        const own = this.places.get(batch) ?? new Map<string, Place>();
        this.places.set(batch, own.set(name, place));
        offset += bytes.length;
        tensor.dispose?.();
      }
    } finally {
      await file.close();
    }
  }

  /** Tensors of a batch by name, read again. */
  async take(batch: number, names: readonly string[], runtime: Runtime): Promise<Record<string, RuntimeTensor>> {
    const { open } = await import("node:fs/promises");
    const tensors: Record<string, RuntimeTensor> = {};
    for (const name of names) {
      const place = this.places.get(batch)?.get(name);
      if (place === undefined) throw new TypeError(`no part has computed "${name}"`);
      const bytes = new Uint8Array(place.length);
      const file = await open(place.path);
      try {
        for (let done = 0; done < bytes.length; )
          done += (await file.read(bytes, done, bytes.length - done, place.offset + done)).bytesRead;
      } finally {
        await file.close();
      }
      tensors[name] = runtime.tensor(place.type, place.elements(bytes.buffer), place.dims);
    }
    return tensors;
  }

  /** Type and shape of a value that was put. */
  typeOf(name: string): CarriedType {
    const type = this.types.get(name);
    if (type === undefined) throw new TypeError(`no part has computed "${name}"`);
    return type;
  }

  async close(): Promise<void> {
    const { rm } = await import("node:fs/promises");
    await rm(this.folder, { recursive: true, force: true });
  }
}

type Elements = { readonly buffer: ArrayBuffer; readonly byteOffset: number; readonly byteLength: number };

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
