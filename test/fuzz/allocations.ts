/**
 * Refuses single allocations beyond a bound, so that a file of a few bytes that says it holds a
 * terabyte is caught even where the machine would give the memory. Import it before anything else:
 * it takes the place of the constructors through which JavaScript asks for memory.
 */

/** Asked for more than a file of that size may cost. */
export class AllocationError extends Error {
  override readonly name = "AllocationError";
}

let most = Number.POSITIVE_INFINITY;
let excess: AllocationError | null = null;

/** Sets the bound on one allocation, in bytes, and forgets what exceeded an earlier one. */
export function boundAllocations(bytes: number): void {
  most = bytes;
  excess = null;
}

/** What exceeded the bound since it was set, also where somebody caught the error; null where nothing did. */
export const excessOf = (): AllocationError | null => excess;

function check(bytes: number, what: string): void {
  // What is negative or no number allocates nothing and throws by itself.
  if (!(bytes > most)) return;
  excess = new AllocationError(`${what} asks for ${bytes} bytes, expected at most ${most}`);
  throw excess;
}

type Constructor = new (...args: never[]) => object;

/** A constructor that checks its first argument: a count, or something with a length. */
function guarded<T extends Constructor>(original: T, bytesPerElement: number): T {
  return new Proxy(original, {
    construct(target, args: readonly unknown[], newTarget) {
      const [first] = args;
      if (typeof first === "number") check(first * bytesPerElement, `new ${original.name}(${first})`);
      return Reflect.construct(target, args, newTarget) as object;
    },
  });
}

const ELEMENT_BYTES = {
  ArrayBuffer: 1,
  SharedArrayBuffer: 1,
  Int8Array: 1,
  Uint8Array: 1,
  Uint8ClampedArray: 1,
  Int16Array: 2,
  Uint16Array: 2,
  Int32Array: 4,
  Uint32Array: 4,
  Float32Array: 4,
  Float64Array: 8,
  BigInt64Array: 8,
  BigUint64Array: 8,
  Array: 8,
} as const;

const globals = globalThis as unknown as Record<string, Constructor>;
for (const [name, bytes] of Object.entries(ELEMENT_BYTES)) globals[name] = guarded(globals[name] as Constructor, bytes);

for (const name of ["alloc", "allocUnsafe", "allocUnsafeSlow"] as const) {
  const original = Buffer[name].bind(Buffer) as (size: number, ...rest: unknown[]) => Buffer;
  const checked = (size: number, ...rest: unknown[]) => {
    check(size, `Buffer.${name}(${size})`);
    return original(size, ...rest);
  };
  Object.defineProperty(Buffer, name, { value: checked, configurable: true, writable: true });
}
