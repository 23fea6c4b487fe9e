/**
 * A feed-forward block pruned as one (SparseLLM, Bai et al., arXiv 2402.17946): pre-activations and the hidden
 * activation become variables of their own, tied by quadratic penalties to what the pruned layers give, and steps of
 * "move the variables, fit the layers to them, prune each layer" take turns. Three things differ from the published
 * code: the last layer is always fitted to what the pruned layers before it really give it, which brings most of the
 * gain; pre-activations move by Gauss–Newton instead of gradient steps; fits are damped, in the place of pseudoinverses.
 */
import { Cholesky } from "../linalg/cholesky.js";
import { LowerTiles } from "../linalg/lower-tiles.js";
import type { Dense, Products } from "../linalg/products.js";
import type { SecondMoments } from "../linalg/second-moments.js";
import { free } from "../tensor/free.js";
import type { ActivationName } from "./activations.js";
import { type BlockFront, everyRow, hiddenOf, insideOf, type Layer, MomentSum, rowsOf } from "./feed-forward.js";
import { denseOutput, type FittedLast, fitLast, fitted } from "./fit-last.js";
import type { UpdatedWeight, WeightJob } from "./job.js";
import { LayerInput, type LayerInputOptions } from "./layer-input.js";
import { moveActivated, moveMultiplied } from "./pre-activations.js";

/** One feed-forward block to be pruned. */
export interface FeedForwardJob {
  /** null in a plain block, where `up` is activated. */
  readonly gate: WeightJob | null;
  readonly up: WeightJob;
  readonly down: WeightJob;
  /** Biases of the layers, [out] each; null where a layer has none. */
  readonly biases: { readonly gate: Float32Array | null; readonly up: Float32Array | null };
  readonly activation: ActivationName;
  /** What enters the block, [tokens, in]. */
  readonly x: Dense;
  /** Its moments, of these tokens or of more. */
  readonly input: LayerInput;
}

export interface SparseLlmSettings {
  /** Prunes one layer, such as OBS with its own masks or a given one. */
  readonly prune: (job: WeightJob, input: LayerInput) => Promise<UpdatedWeight>;
  /** Outer steps; with 1 only the last layer is fitted to what the pruned ones before it give. */
  readonly steps: number;
  /** γ: how close the hidden activation stays to its factors; pre-activations to their layers is 1. */
  readonly closeness: number;
  /** β / γ in units of the last layer's mean squared column: how much of the block's error the variables take away. */
  readonly correction: number;
  /** Steps of Gauss–Newton on each pre-activation. */
  readonly moves: number;
  /** Tokens that have variables, at most; every n-th is taken. All tokens fit the last layer in the end. */
  readonly tokens: number;
  /**
   * Damping of the fits, as a share of the mean diagonal. More than an inverse needs: a fit learns from few tokens, and
   * damping holds it to the values it begins with.
   */
  readonly ridge: number;
}

export const SPARSELLM_DEFAULTS = {
  steps: 4,
  closeness: 10,
  correction: 10,
  moves: 2,
  tokens: 4096,
  ridge: 0.1,
} as const satisfies Omit<SparseLlmSettings, "prune">;

export interface FeedForwardResult {
  readonly gate: UpdatedWeight | null;
  readonly up: UpdatedWeight;
  readonly down: UpdatedWeight;
  /** What the layers in front were fitted to before they were pruned, [out, in]; the dense values after one step. */
  readonly goals: { readonly gate: Float32Array | null; readonly up: Float32Array };
  /** ‖Y − Y'‖² / ‖Y‖² of the block after each step, on tokens that it did not see. */
  readonly errors: readonly number[];
  /** The step whose layers were taken, the one with the least error. */
  readonly best: number;
}

/** One token in so many has no variables. */
const JUDGING = 8;

/** The pruned layers of one step. */
interface Pruned {
  /** What those in front were before they were pruned. */
  readonly front: BlockFront;
  readonly activated: UpdatedWeight;
  readonly multiplied: UpdatedWeight | null;
  readonly down: UpdatedWeight;
}

/**
 * Prunes the layers of a feed-forward block so that the block's output stays, on the rows that enter it. Layers in
 * front are pruned with the moments of `input`, which stay as they are in every step.
 *
 * @throws PruneError as `prune` does, `bad-statistics` where moments cannot be inverted; the signal's reason
 */
export async function sparsellm(job: FeedForwardJob, settings: SparseLlmSettings): Promise<FeedForwardResult> {
  return await new BlockSearch(job, settings).run();
}

class BlockSearch {
  readonly #products: Products;
  readonly #signal: AbortSignal | undefined;
  readonly #activatedJob: WeightJob;
  readonly #multipliedJob: WeightJob | null;
  readonly #dense: BlockFront;
  readonly #denseDown: Dense;

  constructor(
    private readonly job: FeedForwardJob,
    private readonly settings: SparseLlmSettings,
  ) {
    const { gate, up, down, biases, activation, input } = job;
    this.#products = input.products;
    this.#signal = input.options.signal;
    this.#activatedJob = gate ?? up;
    this.#multipliedJob = gate && up;
    this.#dense = {
      activated: layerOf(this.#activatedJob, gate ? biases.gate : biases.up),
      multiplied: gate && layerOf(up, biases.up),
      activation,
    };
    this.#denseDown = layerOf(down, null).weight;
  }

  async run(): Promise<FeedForwardResult> {
    const { x, gate } = this.job;
    const { steps, tokens } = this.settings;
    // The last tokens judge the steps and have no variables: neighbours of those that have would be judged too well.
    const fitting = x.rows - Math.floor(x.rows / JUDGING);
    const taking = (from: number, to: number) =>
      everyRow(rowsOf(x, from, to), Math.max(1, Math.ceil((to - from) / tokens)));
    const sample = taking(0, fitting);
    const held = fitting < x.rows ? taking(fitting, x.rows) : sample;
    const target = await this.#denseOutput(sample);
    const heldTarget = held === sample ? target : await this.#denseOutput(held);
    const variables = await insideOf(this.#dense, sample, this.#products, this.#signal);
    const sum = new MomentSum(sample.columns, this.#products);
    await sum.add(sample);
    const fitter = this.#fitter(sum.moments(), this.job.input.options);
    let pruned = await this.#prune(this.#dense, sample, target);
    const errors = [await this.#errorOf(pruned, held, heldTarget)];
    let [best, taken] = [0, pruned];
    for (let k = 1; k < steps; k++) {
      const fitted = await this.#fit(pruned, variables, sample, target, fitter);
      pruned = await this.#prune(fitted, sample, target);
      errors.push(await this.#errorOf(pruned, held, heldTarget));
      if ((errors[k] as number) < (errors[best] as number)) [best, taken] = [k, pruned];
    }
    const down = await this.#pruneDown(taken, x, null);
    const { activated, multiplied } = taken;
    const goals = { gate: gate && taken.front.activated.weight.values, up: goalOfUp(taken.front) };
    const front = gate === null ? { gate, up: activated } : { gate: activated, up: multiplied as UpdatedWeight };
    return { ...front, down, goals, errors, best };
  }

  /** Prunes layers that have these values, and the last one fitted to what they give. */
  async #prune(front: BlockFront, rows: Dense, target: Dense): Promise<Pruned> {
    const prune = async (job: WeightJob, { weight }: Layer) =>
      await this.settings.prune({ ...job, values: weight.values }, this.job.input);
    const activated = await prune(this.#activatedJob, front.activated);
    const multiplied = this.#multipliedJob && (await prune(this.#multipliedJob, front.multiplied as Layer));
    return { front, activated, multiplied, down: await this.#pruneDown({ activated, multiplied }, rows, target) };
  }

  /**
   * The last layer, fitted to what the pruned layers in front give, and pruned with the moments of that.
   *
   * @param target Y of these rows; null where it is not at hand
   */
  async #pruneDown(
    front: Pick<Pruned, "activated" | "multiplied">,
    rows: Dense,
    target: Dense | null,
  ): Promise<UpdatedWeight> {
    const { down, input } = this.job;
    const { goal, moments }: FittedLast = await fitLast(
      {
        ...{ dense: this.#dense, pruned: this.#frontOf(front), down: this.#denseDown, x: rows },
        wanted: target === null ? { inputs: rows } : { outputs: target },
      },
      { products: this.#products, ridge: this.settings.ridge, label: down.label, signal: this.#signal },
    );
    const options = { ...input.options, label: down.label };
    return await this.settings.prune({ ...down, values: goal }, new LayerInput(moments, this.#products, options));
  }

  /**
   * Moves the variables, from the layers as they are pruned now, and fits the layers in front to them. `variables` is
   * written to.
   */
  async #fit(
    { activated, multiplied, down }: Pruned,
    variables: { readonly activated: Dense; readonly multiplied: Dense | null },
    x: Dense,
    target: Dense,
    fitter: LayerInput,
  ): Promise<BlockFront> {
    const products = this.#products;
    const signal = this.#signal;
    const { closeness, correction, moves } = this.settings;
    const { activation } = this.#dense;
    const front = this.#frontOf({ activated, multiplied });
    const s = variables.activated;
    const z = variables.multiplied;
    const given = await insideOf(front, x, products, signal);
    // p minimises β‖Y − p Wᵀ‖² + γ‖p − act(s) z‖²; by way of the output's size, which is the smaller one.
    const now = await hiddenOf(s, z, activation, signal);
    const weight: Dense = { rows: this.job.down.shape.out, columns: this.job.down.shape.in, values: down.values };
    const gap = await products.multiply(now, weight, { transposeB: true, factor: -1, plus: target });
    const solved = await products.multiply(gap, await this.#outputInverse(weight, correction));
    const p = await products.multiply(solved, weight, { plus: now });
    free(gap.values, solved.values, now.values);
    const wanted = { closeness, activation, hidden: p.values };
    if (z !== null)
      await moveMultiplied(
        { ...wanted, s: s.values, z: z.values, given: (given.multiplied as Dense).values },
        { signal },
      );
    const forActivated = { ...wanted, s: s.values, z: z?.values ?? null, given: given.activated.values };
    await moveActivated(forActivated, { moves, signal });
    const layer = async ({ weight, bias }: Layer, moved: Dense, present: Dense): Promise<Layer> => {
      const difference = { ...moved, values: moved.values.map((v, k) => v - (present.values[k] as number)) };
      const right = await products.multiply(difference, x, { transposeA: true });
      const own = await fitted(weight, right, fitter);
      free(difference.values, right.values);
      return { weight: own, bias };
    };
    return {
      activated: await layer(front.activated, s, given.activated),
      multiplied: z && (await layer(front.multiplied as Layer, z, given.multiplied as Dense)),
      activation,
    };
  }

  /** (W Wᵀ + t I)⁻¹, [out, out], with t the mean squared column of W over `correction`: γ / β. */
  async #outputInverse(weight: Dense, correction: number): Promise<Dense> {
    const { values } = await this.#products.multiply(weight, weight, { transposeB: true });
    const size = weight.rows;
    let trace = 0;
    for (let o = 0; o < size; o++) trace += values[o * (size + 1)] as number;
    // A layer of zeros corrects nothing, whatever is added to it.
    const shift = trace > 0 ? trace / weight.columns / correction : 1;
    const tiles = LowerTiles.of(size, (row, into) => {
      into.set(values.subarray(row * size, row * size + row + 1));
      into[row] = (into[row] as number) + shift;
    });
    const factorised = await Cholesky.of(tiles, { products: this.#products, signal: this.#signal });
    free(values);
    return (await factorised.inverted()).toFloat32();
  }

  /** What a layer is fitted with, damped for that. */
  #fitter(moments: SecondMoments, options: LayerInputOptions): LayerInput {
    return new LayerInput(moments, this.#products, { ...options, damping: this.settings.ridge });
  }

  async #denseOutput(rows: Dense): Promise<Dense> {
    return await denseOutput(this.#dense, this.#denseDown, rows, this.#products, this.#signal);
  }

  /** ‖Y − Y'‖² / ‖Y‖²; 0 where the dense block has no output. */
  async #errorOf(pruned: Pruned, rows: Dense, target: Dense): Promise<number> {
    const { hidden } = await insideOf(this.#frontOf(pruned), rows, this.#products, this.#signal);
    const weight = { ...this.#denseDown, values: pruned.down.values };
    const gap = await this.#products.multiply(hidden, weight, { transposeB: true, factor: -1, plus: target });
    const whole = energyOf(target.values);
    const left = energyOf(gap.values);
    free(hidden.values, gap.values);
    return whole === 0 ? 0 : left / whole;
  }

  #frontOf({ activated, multiplied }: Pick<Pruned, "activated" | "multiplied">): BlockFront {
    const { activated: first, multiplied: second, activation } = this.#dense;
    const withValues = ({ weight, bias }: Layer, { values }: UpdatedWeight): Layer => ({
      weight: { ...weight, values },
      bias,
    });
    return {
      activated: withValues(first, activated),
      multiplied: second && withValues(second, multiplied as UpdatedWeight),
      activation,
    };
  }
}

const goalOfUp = ({ activated, multiplied }: BlockFront): Float32Array => (multiplied ?? activated).weight.values;

const layerOf = ({ shape, values }: WeightJob, bias: Float32Array | null): Layer => ({
  weight: { rows: shape.out, columns: shape.in, values },
  bias,
});

function energyOf(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return sum;
}
