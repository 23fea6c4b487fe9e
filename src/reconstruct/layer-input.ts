/**
 * What enters a layer, prepared for those who update its weights. Weights that read the same values (queries, keys
 * and values; gate and up) share one, so each form of the moments is made once, when it is first asked for.
 */
import { type InverseFactor, inverseFactor } from "../linalg/inverse-factor.js";
import type { Dense, Products } from "../linalg/products.js";
import { diagonalOf, fullProduct, type SecondMoments } from "../linalg/second-moments.js";

/** How the moments of a layer are prepared. */
export interface LayerInputOptions {
  /** What is added to the diagonal before it is inverted, as a share of its mean. */
  readonly damping: number;
  /** Names the layer in errors. */
  readonly label: string;
  readonly signal?: AbortSignal;
}

/** Second moments of one layer input, and what updates need of them. */
export class LayerInput {
  readonly moments: SecondMoments;
  readonly products: Products;
  readonly options: LayerInputOptions;
  #diagonal: Float64Array | undefined;
  #product: Dense | undefined;
  #inverseFactor: Promise<InverseFactor> | undefined;

  constructor(moments: SecondMoments, products: Products, options: LayerInputOptions) {
    this.moments = moments;
    this.products = products;
    this.options = options;
  }

  /** Σ x² of every channel, undamped, [in]. */
  diagonal(): Float64Array {
    this.#diagonal ??= diagonalOf(this.moments);
    return this.#diagonal;
  }

  /** Σ x xᵀ, both triangles, undamped, [in, in]. Not to be written to. */
  product(): Dense {
    const { channels } = this.moments;
    this.#product ??= {
      rows: channels,
      columns: channels,
      values: fullProduct(this.moments, new Float32Array(channels * channels)),
    };
    return this.#product;
  }

  /**
   * The upper factor of the damped inverse, as the columns' update needs it.
   *
   * @throws PruneError where the moments cannot be inverted
   */
  inverseFactor(): Promise<InverseFactor> {
    this.#inverseFactor ??= inverseFactor(this.moments, this.options, this.products);
    return this.#inverseFactor;
  }

  /** The damping with which there was a factor, where one was asked for; it is more than asked for where that was too little. */
  async usedDamping(): Promise<number | null> {
    return (await this.#inverseFactor)?.damping ?? null;
  }
}
