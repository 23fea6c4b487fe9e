/**
 * The updates of a file, group of layers after group: each is put aside as soon as it is finished, and one that an
 * earlier run has finished is taken from there. Stored bytes are read back when they are written.
 */
import type { TargetStatistics } from "../calibrate/index.js";
import type { ComputedMask } from "../compute/index.js";
import { findBias, type Norm, type Target } from "../graph/index.js";
import type { ModelEdits, OnnxTensor } from "../onnx/index.js";
import { mergeEdits } from "../onnx/merge-edits.js";
import { biasEdits } from "../rewrite/bias-edits.js";
import { normEdits } from "../rewrite/norm-edits.js";
import type { FinishedPart, Unfinished } from "../store/index.js";
import type { Plan } from "./plan.js";
import type { UpdatedLayer } from "./update-layer.js";
import { prunedEdits, type UpdatedTarget, type Updates } from "./updated.js";

/** A finished weight, as it is put aside; its bytes, mask and shift are blobs. */
interface FinishedWeight {
  readonly name: string;
  readonly error: number;
  readonly retained: number;
  readonly tokens: number;
  readonly hasShift: boolean;
}

/** What a part says of its group. */
interface GroupHeader {
  readonly weights: readonly FinishedWeight[];
  /** Names of the norms whose factors are the last blobs. */
  readonly norms: readonly string[];
  readonly notes: readonly string[];
}

/** Blobs of a weight: stored bytes, mask, shift (empty where there is none). */
const BLOBS = 3;

/** Everything that moved so far in one file, in one pass. */
export class GroupUpdates {
  private readonly weights = new Map<Target, UpdatedTarget>();
  private readonly masksSoFar = new Map<Target, ComputedMask>();
  private readonly shifts = new Map<Target, Float32Array>();
  private readonly factors = new Map<Norm, Float32Array>();
  /** Calibration tokens that reached each weight. */
  private readonly tokens = new Map<Target, number>();
  private readonly notes = new Set<string>();
  private groups = 0;

  /**
   * @param norms of the model, by their keys
   * @param pass names the parts of this pass
   */
  constructor(
    private readonly plan: Plan,
    private readonly norms: ReadonlyMap<string, Norm>,
    private readonly unfinished: Unfinished,
    private readonly pass: number,
  ) {}

  /**
   * Takes a group from where an earlier run has put it aside.
   *
   * @returns whether it was there
   */
  async restore(group: number, targets: readonly Target[]): Promise<boolean> {
    const part = await this.unfinished.read(this.partOf(group));
    const header = part?.header as GroupHeader | undefined;
    const names = targets.map(({ name }) => name).sort();
    const isSame = JSON.stringify(header?.weights.map(({ name }) => name).sort()) === JSON.stringify(names);
    if (part === null || header === undefined || !isSame) return false;
    await this.take(part, header);
    return true;
  }

  /** Puts a group aside that is finished. */
  async finish(group: number, layers: readonly UpdatedLayer[]): Promise<void> {
    const weights = layers.flatMap((layer) => layer.weights);
    const norms = layers.flatMap(({ norm }) => norm ?? []);
    const header: GroupHeader = {
      weights: weights.map(({ target: { name }, error, tokens, mask: { retained }, shift }) => ({
        ...{ name, error, retained, tokens },
        hasShift: shift !== null,
      })),
      norms: norms.map(({ norm }) => normKey(norm)),
      notes: layers.flatMap(({ notes }) => notes),
    };
    const blobs = [
      ...weights.flatMap(({ stored, mask, shift }) => [stored, mask.bits, bytesOf(shift ?? new Float32Array(0))]),
      ...norms.map(({ factors }) => bytesOf(factors)),
    ];
    await this.take(await this.unfinished.write(this.partOf(group), header, blobs), header);
  }

  private async take(part: FinishedPart, { weights, norms, notes }: GroupHeader): Promise<void> {
    const targets = new Map(this.plan.targets.map((target) => [target.name, target]));
    for (const [i, { name, error, retained, tokens, hasShift }] of weights.entries()) {
      const target = targets.get(name) as Target;
      const { shape, order } = target;
      this.tokens.set(target, tokens);
      this.weights.set(target, { error, bytes: () => part.blob(BLOBS * i) });
      this.masksSoFar.set(target, { shape, order, bits: await part.blob(BLOBS * i + 1), retained });
      if (hasShift) this.shifts.set(target, new Float32Array((await part.blob(BLOBS * i + 2)).buffer));
    }
    for (const [i, name] of norms.entries())
      this.factors.set(
        this.norms.get(name) as Norm,
        new Float32Array((await part.blob(BLOBS * weights.length + i)).buffer),
      );
    for (const note of notes) this.notes.add(note);
    this.groups++;
  }

  /** Masks of all weights that are done, in file order. */
  masks(): ReadonlyMap<Target, ComputedMask> {
    return new Map(
      this.plan.targets.flatMap((target) => {
        const mask = this.masksSoFar.get(target);
        return mask === undefined ? [] : [[target, mask] as const];
      }),
    );
  }

  /** How many tokens there were, which is all that reports say of statistics. */
  counts(): TargetStatistics {
    const [sum, sumOfSquares] = [new Float64Array(0), new Float64Array(0)];
    return new Map([...this.tokens].map(([target, tokens]) => [target, { tokens, sum, sumOfSquares }]));
  }

  /** What moved so far. */
  updates(): Updates {
    const others = mergeEdits(biasEdits(this.shifts), normEdits(this.factors));
    const withOthers = (edits: ModelEdits) => mergeEdits(edits, others);
    return { weights: this.weights, withOthers, groups: this.groups, notes: [...this.notes] };
  }

  /** The edits that make the model what is done of it. */
  edits(): ModelEdits {
    return prunedEdits({ masks: this.masks(), updates: this.updates() });
  }

  /** What is done of these targets, with their biases and norms. */
  editsOf(group: readonly Target[]): ModelEdits {
    const own = new Set<OnnxTensor>(this.changedBy(group));
    const tensors = new Map([...(this.edits().tensors ?? [])].filter(([tensor]) => own.has(tensor)));
    // What the file holds for one layer or norm alone is among the tensors; here is what the graph gets.
    const shifts = new Map([...this.shifts].filter(([target]) => group.includes(target)));
    const isOf = ({ readers }: Norm) => readers.some((reader) => group.includes(reader));
    const factors = new Map([...this.factors].filter(([norm]) => isOf(norm)));
    const { tensors: _, ...added } = mergeEdits(biasEdits(shifts), normEdits(factors));
    return { ...added, tensors };
  }

  /** Tensors that finishing a group may change. */
  *changedBy(group: readonly Target[]): Generator<OnnxTensor> {
    const { repair } = this.plan.options;
    for (const target of group) {
      yield target.tensor;
      const places = repair.includes("bias") ? findBias(target) : [];
      if (typeof places !== "string")
        for (const place of places) if (place.kind === "stored") yield place.vector.tensor;
    }
    for (const { places, readers } of this.norms.values())
      if (readers.some((reader) => group.includes(reader)))
        for (const { weight, bias } of places) yield* [weight.tensor, ...(bias === null ? [] : [bias.tensor])];
  }

  private partOf(group: number): string {
    return `pass-${this.pass}-group-${group}`;
  }
}

/** What a norm is called in parts: by the tensor of its weight. */
export const normKey = ({ places: [{ weight }] }: Norm): string => weight.tensor.name;

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
