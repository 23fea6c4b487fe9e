/** A mutant from nothing but a seed and its number: which model, what happens to it, which way it goes. */
import type { ModelFolder } from "./corpus.js";
import type { Mutant, Way } from "./journey.js";
import { mutateBytes } from "./mutate-bytes.js";
import { TreeMutation } from "./mutate-tree.js";
import { type Random, randomOf } from "./random.js";
import { encode, parse } from "./wire-tree.js";

/** A mutant and what it came from. */
export interface Made {
  /** Name of the model it was. */
  readonly from: string;
  readonly mutant: Mutant;
  readonly way: Way;
}

/** The models of a run. */
export interface Corpus {
  readonly small: readonly ModelFolder[];
  /** Larger ones, of which a mutant takes longer; one mutant in {@link LARGE_EVERY} is made of them. */
  readonly large: readonly ModelFolder[];
}

const LARGE_EVERY = 60;
/** Whole bytes of a large file are damaged rarely: a random place in it is a weight. */
const BYTES_OF = { small: 0.3, large: 0.1 };

/** Mutant `index` of the run with this seed. */
export function makeMutant(corpus: Corpus, seed: number, index: number): Made {
  const random = randomOf(seed, index);
  const isLarge = corpus.large.length > 0 && index % LARGE_EVERY === LARGE_EVERY - 1;
  const folder = random.pick(isLarge ? corpus.large : corpus.small);
  const other = random.pick(corpus.small);
  const way: Way = {
    from: random.pick(["memory", "blob", "disk"]),
    prune: random.pick(["half", "2:4", "everything"]),
    external: random.chance(0.3),
    packed: random.chance(0.3),
  };
  const model = random.chance(isLarge ? BYTES_OF.large : BYTES_OF.small)
    ? mutateBytes(folder.model, random, other.model)
    : mutateFields(folder.model, random, other.model);
  return { from: folder.name, mutant: { model, data: mutateData(folder.data, random) }, way };
}

function mutateFields(model: Uint8Array, random: Random, other: Uint8Array): Uint8Array {
  const root = parse(model, "Model");
  const tree = new TreeMutation(root, parse(other, "Model"), random);
  for (let count = random.magnitude(5); count > 0; count--) tree.mutate();
  return encode(root);
}

/** Data files as they are, now and then cut, missing or a symbolic link; and what hostile locations name. */
function mutateData(data: ModelFolder["data"], random: Random): Mutant["data"] {
  const files = new Map<string, Uint8Array | string>(data);
  for (const [location, bytes] of data) {
    const fate = random.below(20);
    if (fate === 0) files.delete(location);
    if (fate === 1) files.set(location, bytes.subarray(0, random.below(bytes.length + 1)));
    if (fate === 2) files.set(location, random.pick(["/etc/hostname", "/dev/zero", "missing", "model.onnx"]));
  }
  if (random.chance(0.2)) {
    files.set("link", "/etc/passwd");
    files.set("loop", "loop");
    files.set("folder/file", new Uint8Array(16));
    files.set("__proto__", new Uint8Array(16384));
  }
  return files;
}
