/**
 * Activations themselves, as far as they leave the runtime: the first rows of a layer's input, and products of the
 * rows that two models give for the same samples.
 */
import type { Target } from "../graph/index.js";
import type { Dense, Products } from "../linalg/products.js";
import type { RuntimeTensor } from "../runtime/index.js";
import { free } from "../tensor/free.js";
import { halfValues } from "../tensor/half.js";
import type { MomentOutputs } from "./moments.js";
import type { States } from "./run-stages.js";

type Outputs = Readonly<Record<string, RuntimeTensor>>;

/** The first rows of one activation, up to a number of tokens. */
export class FirstRows {
  private readonly chunks: Float32Array[] = [];
  private tokens = 0;

  constructor(
    private readonly channels: number,
    private readonly mostTokens: number,
  ) {}

  /** Copies what is wanted of one run's rows; padding is left out. */
  add(outputs: Outputs, names: MomentOutputs): void {
    const { channels } = this;
    const wanted = this.mostTokens - this.tokens;
    if (wanted <= 0 || names.rows === null) return;
    const { values, rows } = rowsIn(outputs, names.rows, channels);
    const counted = names.counted === null ? null : (outputs[names.counted] as RuntimeTensor).data;
    const chosen = Array.from({ length: rows }, (_, row) => row).filter(
      (row) => counted === null || counted[row] !== 0,
    );
    const chunk = new Float32Array(Math.min(wanted, chosen.length) * channels);
    for (let k = 0; k * channels < chunk.length; k++) {
      const start = (chosen[k] as number) * channels;
      chunk.set(values.subarray(start, start + channels), k * channels);
    }
    this.chunks.push(chunk);
    this.tokens += chunk.length / channels;
  }

  /** Those of several activations of one weight one after the other, up to the number wanted of each. [tokens, in] */
  static joined(all: readonly [FirstRows, ...FirstRows[]]): Dense {
    const [{ channels: columns }] = all;
    const rows = all.reduce((sum, { tokens }) => sum + tokens, 0);
    const values = new Float32Array(rows * columns);
    let at = 0;
    for (const chunk of all.flatMap(({ chunks }) => chunks)) {
      values.set(chunk, at);
      at += chunk.length;
    }
    return { rows, columns, values };
  }
}

/** Σ x' xᵀ over all tokens, x' being the rows of one model and x those of another. */
export class CrossProduct {
  readonly values: Float64Array;

  constructor(
    private readonly channels: number,
    private readonly products: Products,
  ) {
    this.values = new Float64Array(channels * channels);
  }

  /** Adds one run's rows, whose padding is 0; one run holds few enough for float32. */
  async add(changed: Outputs, dense: Outputs, { rows }: MomentOutputs): Promise<void> {
    if (rows === null) throw new TypeError("products need the rows");
    const [a, b] = [changed, dense].map((outputs) => rowsIn(outputs, rows, this.channels)) as [Dense, Dense];
    // An activation of a branch that did not run has none.
    if (a.rows === 0) return;
    const { values } = await this.products.multiply(a, b, { transposeA: true });
    this.addAll(values);
    free(values);
  }

  /** Those of several activations of one weight together, [in of x', in of x]. */
  static joined([first, ...others]: readonly [CrossProduct, ...CrossProduct[]]): Dense<Float64Array> {
    const { channels, products } = first;
    const sum = others.length === 0 ? first : new CrossProduct(channels, products);
    if (sum !== first) for (const { values } of [first, ...others]) sum.addAll(values);
    return { rows: channels, columns: channels, values: sum.values };
  }

  private addAll(added: Float32Array | Float64Array): void {
    const { values } = this;
    for (let k = 0; k < values.length; k++) values[k] = (values[k] as number) + (added[k] as number);
  }
}

/** Σ (r − r') x'ᵀ over all tokens: how far what a layer's output is added to differs between the two models, by its inputs. */
export class ResidualProduct {
  /** [out, in]; null where the residual is not known before the layer is. */
  sum: Dense<Float64Array> | null = null;
  private isKnown = true;

  /**
   * @param residual name of r
   * @param rows name of the rows of x'
   */
  constructor(
    readonly target: Target,
    private readonly residual: string,
    private readonly rows: string,
    private readonly products: Products,
  ) {}

  /** Adds one run; rows of padding are 0 in x', so that what r has there does not count. */
  async add(changed: Outputs, states: States): Promise<void> {
    const { out, in: channels } = this.target.shape;
    const [own, dense] = [await states(0, this.residual), await states(1, this.residual)].map(floatsIn);
    const inputs = rowsIn(changed, this.rows, channels);
    this.isKnown &&= own != null && dense != null && own.length === inputs.rows * out;
    if (!this.isKnown || own == null || dense == null) {
      this.sum = null;
      return;
    }
    const difference = { rows: inputs.rows, columns: out, values: dense.map((r, k) => r - (own[k] as number)) };
    const { values } = await this.products.multiply(difference, inputs, { transposeA: true });
    this.sum ??= { rows: out, columns: channels, values: new Float64Array(out * channels) };
    for (let k = 0; k < values.length; k++) this.sum.values[k] = (this.sum.values[k] as number) + (values[k] as number);
    free(difference.values, values);
  }
}

/** The values of a float tensor; null of any other, and where there is none. */
function floatsIn(tensor: RuntimeTensor | null): Float32Array | null {
  if (tensor?.type === "float32") return tensor.data as Float32Array;
  if (tensor?.type !== "float16") return null;
  const { data } = tensor;
  if (!(data instanceof Uint16Array)) return Float32Array.from(data as ArrayLike<number>);
  const table = halfValues("float16");
  return Float32Array.from(data, (bits) => table[bits] as number);
}

function rowsIn(outputs: Outputs, name: string, columns: number): Dense {
  const values = (outputs[name] as RuntimeTensor).data as Float32Array;
  return { rows: values.length / columns, columns, values };
}
