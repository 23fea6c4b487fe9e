/**
 * A group of layers in which feed-forward blocks are updated as one (`reconstruct: "sparsellm"`): once the layers in
 * front of a block's last one are finished, that one is held to what makes the block's output come closest to the
 * dense block's, behind the others as they will be stored. All other layers are updated by themselves.
 */
import type { GroupInput } from "../calibrate/walk-groups.js";
import {
  decodeValues,
  type FeedForward,
  findFeedForwards,
  findTargets,
  type Norm,
  readValues,
  readVector,
  resolveCoding,
  type StoredVector,
  type Target,
} from "../graph/index.js";
import type { Dense } from "../linalg/products.js";
import type { BlockFront, Layer } from "../reconstruct/feed-forward.js";
import { fitLast } from "../reconstruct/fit-last.js";
import { LayerInput } from "../reconstruct/layer-input.js";
import { SPARSELLM_DEFAULTS, sparsellm } from "../reconstruct/sparsellm.js";
import { DEFAULT_PARAMETERS, reconstructionOf } from "../reconstruct/table.js";
import { layerReadings } from "./layer-readings.js";
import type { Plan } from "./plan.js";
import {
  type LayerReading,
  type UpdatedLayer,
  type UpdatedLayerWeight,
  type UpdateServices,
  updateLayer,
  updateValues,
} from "./update-layer.js";

/** The blocks of a plan that are updated as one. */
export interface FeedForwards {
  readonly blocks: readonly FeedForward[];
  /** Which are not, and why, in sentences. */
  readonly notes: readonly string[];
}

/** Tokens of a block's input that are kept, at most. Only one group's are in memory at a time. */
export const MOST_ROWS = 16384;

/** Steps of a block. */
const stepsOf = ({ options }: Plan): number => ({ ...DEFAULT_PARAMETERS, ...options.parameters }).steps;

const layersOf = ({ gate, up, down }: FeedForward): readonly Target[] => [...(gate === null ? [] : [gate]), up, down];

/**
 * The feed-forward blocks that a plan updates as one: none unless its options ask for that.
 *
 * @throws PruneError as `findFeedForwards`
 */
export async function feedForwardsOf(plan: Plan): Promise<FeedForwards> {
  const { model, targets, options } = plan;
  const { reconstruct, sequential, target } = options;
  if (reconstruct === null || reconstructionOf(reconstruct).unit !== "feed-forward") return { blocks: [], notes: [] };
  if (sequential === "input" && target === "outputs") {
    const note =
      'feed-forward blocks were updated layer by layer: with target "outputs" each of their layers is fitted to the ' +
      "dense model's outputs behind the pruned ones before it already";
    return { blocks: [], notes: [note] };
  }
  // Those that stay dense as well: a block of which only some layers are pruned is to be named.
  const pruned = new Map(targets.map((each) => [each.tensor, each]));
  const all = findTargets(model).targets.map((each) => pruned.get(each.tensor) ?? each);
  const { feedForwards, refused } = await findFeedForwards(model, all);
  const isPruned = (each: Target) => pruned.get(each.tensor) === each;
  const blocks = feedForwards.filter((block) => layersOf(block).every(isPruned));
  const alone = new Map<string, string[]>();
  const addTo = (reason: string, names: readonly string[]) =>
    alone.set(reason, [...(alone.get(reason) ?? []), ...names]);
  for (const { down, reason } of refused) if (isPruned(down)) addTo(reason, [down.name]);
  for (const block of feedForwards) {
    const names = layersOf(block)
      .filter(isPruned)
      .map(({ name }) => name);
    if (names.length > 0 && !blocks.includes(block)) addTo("other layers of the feed-forward block stay dense", names);
  }
  if (blocks.length === 0 && alone.size === 0) addTo("there is no feed-forward block among them", ["all layers"]);
  const notes = [...alone].map(([reason, names]) => `updated by itself: ${names.join(", ")}: ${reason}`);
  const idle =
    'feed-forward blocks took one step: with target "outputs" their layers are held to the dense model\'s outputs already';
  return { blocks, notes: [...notes, ...(stepsOf(plan) > 1 && target === "outputs" ? [idle] : [])] };
}

/** Groups with every block whole in one of them: all groups from its first layer to its last become one. */
export function withWholeBlocks(
  groups: readonly (readonly Target[])[],
  blocks: readonly FeedForward[],
): readonly (readonly Target[])[] {
  const placeOf = new Map(groups.flatMap((group, place) => group.map((target) => [target, place] as const)));
  const lastOf = groups.map((_, place) => place);
  for (const block of blocks) {
    const places = layersOf(block).map((target) => placeOf.get(target) as number);
    const first = Math.min(...places);
    lastOf[first] = Math.max(lastOf[first] as number, ...places);
  }
  const joined: Target[][] = [];
  let last = -1;
  for (const [place, group] of groups.entries()) {
    if (place > last) joined.push([]);
    last = Math.max(last, lastOf[place] as number);
    joined.at(-1)?.push(...group);
  }
  return joined;
}

/** What enters these blocks is wanted itself. */
export const rowsWanted = ({ blocks }: FeedForwards) => ({
  of: new Set(blocks.map(({ up }) => up)),
  mostTokens: MOST_ROWS,
});

/** What the layers of a file have to do with each other. */
export interface UpdateContext {
  readonly norms: readonly Norm[];
  readonly feedForwards: FeedForwards;
}

/**
 * Updates all layers of a group.
 *
 * @throws PruneError as `updateLayer`; the signal's reason
 */
export async function updateGroup(
  plan: Plan,
  group: readonly Target[],
  input: GroupInput,
  { norms, feedForwards }: UpdateContext,
  services: UpdateServices,
): Promise<UpdatedLayer[]> {
  const inGroup = new Set(group);
  const blocks = feedForwards.blocks.filter((block) => layersOf(block).every((target) => inGroup.has(target)));
  const readings = layerReadings(plan, group, input, norms);
  const blockBehind = ({ targets: [first] }: LayerReading) => blocks.find(({ down }) => down === first);
  const updated: UpdatedLayer[] = [];
  for (const reading of readings.filter((each) => blockBehind(each) === undefined))
    updated.push(await updateLayer(plan, await withFrontGoals(plan, reading, blocks, input, services), services));
  for (const reading of readings) {
    const block = blockBehind(reading);
    if (block !== undefined)
      updated.push(
        await updateLayer(plan, await behindPruned(plan, block, reading, updated, input, services), services),
      );
  }
  return updated;
}

const biasOf = async (bias: StoredVector | null): Promise<Float32Array | null> => bias && (await readVector(bias));

const matrixOf = ({ shape }: Target, values: Float32Array): Dense => ({ rows: shape.out, columns: shape.in, values });

/** The layers in front of a block's last one. */
async function frontOf({ gate, up, biases, activation }: FeedForward, layer: LayerOf): Promise<BlockFront> {
  const upper = await layer(up, await biasOf(biases.up));
  if (gate === null) return { activated: upper, multiplied: null, activation };
  return { activated: await layer(gate, await biasOf(biases.gate)), multiplied: upper, activation };
}

type LayerOf = (target: Target, bias: Float32Array | null) => Promise<Layer>;

const denseLayer: LayerOf = async (target, bias) => ({ weight: matrixOf(target, await readValues(target)), bias });

/** Layers as they are stored, with the factors of the norm before them and what is added to their bias. */
const prunedLayer =
  (updated: readonly UpdatedLayer[]): LayerOf =>
  async (target, bias) => {
    const layer = updated.find(({ weights }) => weights.some((weight) => weight.target === target)) as UpdatedLayer;
    const { stored, shift } = layer.weights.find((weight) => weight.target === target) as UpdatedLayerWeight;
    const values = decodeValues(stored, await resolveCoding(target), target);
    const { in: channels, out } = target.shape;
    const factors = layer.norm?.factors;
    const added = (o: number) => (bias?.[o] ?? 0) + (shift?.[o] ?? 0);
    return {
      weight: matrixOf(target, factors ? values.map((v, k) => v * (factors[k % channels] as number)) : values),
      bias: bias === null && shift === null ? null : Float32Array.from({ length: out }, (_, o) => added(o)),
    };
  };

/** The last layer of a block, behind the others as they are finished. */
async function behindPruned(
  plan: Plan,
  block: FeedForward,
  reading: LayerReading,
  updated: readonly UpdatedLayer[],
  input: GroupInput,
  { products }: UpdateServices,
): Promise<LayerReading> {
  const { up, down } = block;
  const x = input.rows.get(up) as Dense;
  const { goal, moments } = await fitLast(
    {
      dense: await frontOf(block, denseLayer),
      pruned: await frontOf(block, prunedLayer(updated)),
      down: matrixOf(down, await readValues(down)),
      x,
      wanted: { inputs: input.dense?.rows.get(up) ?? x },
    },
    { products, ridge: SPARSELLM_DEFAULTS.ridge, label: down.name, signal: plan.options.signal },
  );
  return { ...reading, moments, imitated: null, goals: new Map([[down, goal]]) };
}

/** The layers in front, held to what steps over the whole block make of them, where there is more than the one that fits the last layer. */
async function withFrontGoals(
  plan: Plan,
  reading: LayerReading,
  blocks: readonly FeedForward[],
  input: GroupInput,
  services: UpdateServices,
): Promise<LayerReading> {
  const steps = stepsOf(plan);
  // What imitates the dense model's outputs has its goals already.
  if (steps === 1 || reading.imitated !== null) return reading;
  const { signal, damping } = plan.options;
  const goals = new Map<Target, Float32Array>();
  for (const block of blocks.filter(({ up }) => reading.targets.includes(up))) {
    const { gate, up, down, activation, biases } = block;
    const targetOf = new Map(layersOf(block).map((target) => [target.name, target]));
    const job = async (target: Target) => {
      const { name: label, shape } = target;
      return { label, shape, values: await readValues(target), pattern: plan.pattern, kept: null, grid: null };
    };
    const result = await sparsellm(
      {
        ...{ gate: gate && (await job(gate)), up: await job(up), down: await job(down), activation },
        biases: { gate: await biasOf(biases.gate), up: await biasOf(biases.up) },
        x: input.rows.get(up) as Dense,
        input: new LayerInput(reading.moments, services.products, {
          damping,
          label: up.name,
          ...(signal && { signal }),
        }),
      },
      {
        ...SPARSELLM_DEFAULTS,
        steps,
        prune: async ({ label, values }, moments) =>
          (await updateValues(plan, targetOf.get(label) as Target, values, moments, services)).updated,
      },
    );
    if (gate !== null) goals.set(gate, result.goals.gate as Float32Array);
    goals.set(up, result.goals.up);
  }
  return { ...reading, goals };
}
