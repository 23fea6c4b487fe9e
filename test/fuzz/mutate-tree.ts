/**
 * Damage with regard to what fields are: hostile numbers, lying lengths, wrong tags, names that
 * mean something to JavaScript, sizes whose product overflows, layers by the hundred, graphs deep
 * inside of graphs. Everything works on the tree of wire-tree.ts in place.
 */
import { concat, varint } from "../onnx/wire-bytes.js";
import type { Random } from "./random.js";
import {
  cloneField,
  type Field,
  type MessageKind,
  type Place,
  placesOf,
  sizeOf,
  textAt,
  textField,
} from "./wire-tree.js";

const POWERS = [7, 8, 15, 16, 31, 32, 40, 53, 62, 63, 64];
const NUMBERS: readonly bigint[] = [
  ...[0n, 1n, 2n, 3n, 4n, -1n, -2n, 5n, 16n, 100n, 1000n],
  ...POWERS.flatMap((power) => [2n ** BigInt(power) - 1n, 2n ** BigInt(power), 2n ** BigInt(power) + 1n]),
];

const NAMES: readonly string[] = [
  ...["", " ", "\0", "..", "__proto__", "constructor", "hasOwnProperty", "toString", "length", "then"],
  ...["w", "x", "y", "codes", "scales", "/model/layers.0/fc1/MatMul", "lm_head", "layers.999999999999999999999.q_proj"],
  ...["axis", "block_size", "bits", "value", "perm", "transB", "to", "N", "K", "group", "location", "offset", "length"],
  ...[
    "MatMul",
    "Gemm",
    "Conv",
    "ConvInteger",
    "MatMulNBits",
    "MatMulInteger",
    "MatMulBnb4",
    "DequantizeLinear",
    "Gather",
    "Identity",
  ],
  ...["Transpose", "Cast", "Constant", "If", "Loop", "Mul", "Add", "com.microsoft", "ai.onnx", "attention_mask"],
];

/** Texts that are too long or no text, made when they are needed. */
const ODD_NAMES: readonly ((random: Random) => Uint8Array)[] = [
  (random) => new Uint8Array(random.magnitude(20_000)).fill(97),
  (random) => new TextEncoder().encode("layers.1._Q1".repeat(random.magnitude(1000))),
  (random) => random.bytes(random.magnitude(12)),
  () => Uint8Array.of(0xff, 0xfe),
];

const LOCATIONS: readonly string[] = [
  ...[
    "",
    ".",
    "./",
    "..",
    "../model.onnx",
    "../../etc/passwd",
    "/etc/passwd",
    "/dev/zero",
    "a/../../b",
    "C:\\x",
    "a\\b",
  ],
  ...[
    "model.onnx",
    "./model.onnx",
    "model.onnx_data",
    "./model.onnx_data",
    "model.onnx_data_7",
    "link",
    "loop",
    "folder",
  ],
  ...["__proto__", "constructor", "a\0b", "x".repeat(5000), "%2e%2e/x", "file:///etc/passwd"],
];

const SIZES: readonly string[] = [
  ...["0", "1", "4", "8", "4096", "1000000", "-1", "1e3", " 4", "0x10", "", "NaN", "Infinity"],
  ...["4294967296", "1099511627776", "9007199254740991", "9007199254740992", "18446744073709551615", "9".repeat(400)],
];

const text = (content: string): Uint8Array => new TextEncoder().encode(content);

/** A tree to change, with a way to choose in it. */
export class TreeMutation {
  /** @param other a tree of another model, from which fields may come */
  constructor(
    readonly root: Field[],
    readonly other: Field[],
    readonly random: Random,
  ) {}

  /** A field: first a kind of message, then one of its fields, so that rare kinds are not lost among many nodes. */
  place(accepts: (place: Place) => boolean = () => true, root = this.root): Place | null {
    const byKind = new Map<MessageKind, Place[]>();
    for (const place of placesOf(root)) {
      if (!accepts(place)) continue;
      const same = byKind.get(place.kind) ?? [];
      byKind.set(place.kind, same);
      same.push(place);
    }
    return byKind.size === 0 ? null : this.random.pick(this.random.pick([...byKind.values()]));
  }

  /** Damages the tree once. */
  mutate(): void {
    const names = Object.keys(TREE_MUTATIONS) as (keyof typeof TREE_MUTATIONS)[];
    TREE_MUTATIONS[this.random.pick(names)](this);
  }
}

const isNumber = ({ field }: Place): boolean => typeof field.value === "bigint";
const isText = ({ field }: Place): boolean => field.value instanceof Uint8Array && field.wireType === 2;
const isOf =
  (kind: MessageKind, ...numbers: number[]) =>
  (place: Place): boolean =>
    place.kind === kind && numbers.includes(place.field.number);

/** Changes one field where there is one. */
const change =
  (accepts: (place: Place) => boolean, how: (place: Place, random: Random, tree: TreeMutation) => void) =>
  (tree: TreeMutation): void => {
    const place = tree.place(accepts);
    if (place !== null) how(place, tree.random, tree);
  };

const setNumber = ({ field }: Place, random: Random): void => {
  if (typeof field.value !== "bigint") {
    // A packed list.
    const numbers = Array.from({ length: random.below(6) }, () => varint(BigInt.asUintN(64, random.pick(NUMBERS))));
    field.value = concat(...numbers);
    return;
  }
  const { value } = field;
  const near = random.pick([value + 1n, value - 1n, value * 2n, -value]);
  field.value = random.pick([random.pick(NUMBERS), near, BigInt(random.below(40))]);
};

/** Ways to damage a model that keep most of it whole. */
export const TREE_MUTATIONS = {
  number: change(isNumber, setNumber),
  dimension: change(isOf("Tensor", 1), setNumber),
  dataType: change(isOf("Tensor", 2), ({ field }, random) => {
    field.value = BigInt(random.below(28));
  }),
  attribute: change(isOf("Attribute", 3, 8), setNumber),
  overlong: change(
    () => true,
    ({ field }, random) => {
      field.overlong = random.pick([1, 4, 8, 9, 10]);
    },
  ),
  length: change(
    ({ field }) => field.wireType === 2,
    ({ field }, random) => {
      const own = field.value as Uint8Array | Field[];
      const length = BigInt(own.length);
      field.length = random.pick([random.pick(NUMBERS), length + 1n, length - 1n < 0n ? 0n : length - 1n, length / 2n]);
      field.length = BigInt.asUintN(64, field.length);
    },
  ),
  wireType: change(
    () => true,
    ({ field }, random) => {
      field.wireType = random.below(8);
    },
  ),
  fieldNumber: change(
    () => true,
    ({ field }, random) => {
      field.number = random.pick([random.below(32), field.number + 1, Math.max(0, field.number - 1), 2 ** 29 - 1, 0]);
    },
  ),
  remove: change(
    () => true,
    ({ siblings, field }) => {
      siblings.splice(siblings.indexOf(field), 1);
    },
  ),
  double: change(
    () => true,
    ({ siblings, field }, random) => {
      for (let count = copiesOf([field], random.magnitude(20)); count > 0; count--) siblings.push(cloneField(field));
    },
  ),
  swap: change(
    () => true,
    ({ siblings }, random) => {
      const [a, b] = [random.below(siblings.length), random.below(siblings.length)];
      [siblings[a], siblings[b]] = [siblings[b] as Field, siblings[a] as Field];
    },
  ),
  /** A field of another message, of this model or another. */
  graft: change(
    () => true,
    ({ siblings }, random, tree) => {
      const from = tree.place(undefined, random.chance(0.5) ? tree.root : tree.other);
      if (from !== null) siblings.splice(random.below(siblings.length + 1), 0, cloneField(from.field));
    },
  ),
  /** A field of the same number from elsewhere, so that it means the same and fits less. */
  replace: change(
    () => true,
    ({ kind, field }, random, tree) => {
      const same = isOf(kind, field.number);
      const from = tree.place(same, random.chance(0.5) ? tree.root : tree.other);
      if (from !== null) Object.assign(field, cloneField(from.field));
    },
  ),
  name: change(isText, ({ field }, random) => {
    field.value = random.chance(0.8) ? text(random.pick(NAMES)) : random.pick(ODD_NAMES)(random);
  }),
  /** One name everywhere becomes another: the graph stays linked. */
  rename: change(isText, ({ field }, random, tree) => {
    const [from, to] = [Buffer.from(field.value as Uint8Array), text(random.pick(NAMES))];
    for (const place of placesOf(tree.root))
      if (isText(place) && from.equals(place.field.value as Uint8Array)) place.field.value = to;
  }),
  /** A name of the model where another stood: cycles, ties, wrong scales. */
  rewire: change(isOf("Node", 1, 2), ({ field }, random, tree) => {
    const from = tree.place((place) => isOf("Node", 1, 2)(place) || isOf("Tensor", 8)(place));
    if (from !== null && random.chance(0.9)) field.value = from.field.value;
  }),
  payload: change(isOf("Tensor", 4, 5, 7, 9, 10, 11), ({ field }, random) => {
    if (!(field.value instanceof Uint8Array)) return;
    const { length } = field.value;
    field.value = random.pick([
      () => new Uint8Array(length).fill(random.pick([0, 0xff, 0x7f, 0x80])),
      () => random.bytes(Math.min(length, 4096)),
      () => (field.value as Uint8Array).slice(0, random.below(length + 1)),
      () => new Uint8Array(length + random.magnitude(64)),
    ])();
  }),
  /** Values under the field of another type. */
  storage: change(isOf("Tensor", 4, 5, 6, 7, 9, 10, 11), ({ field }, random) => {
    field.number = random.pick([4, 5, 6, 7, 9, 10, 11]);
  }),
  entry: change(isOf("Tensor", 13), ({ field }, random) => {
    if (!Array.isArray(field.value)) return;
    const value = random.pick(textAt(field.value, 1) === "location" ? LOCATIONS : SIZES);
    field.value = [...field.value.filter(({ number }) => number !== 2), textField(2, value)];
  }),
  /** A tensor whose values are said to be elsewhere. */
  moveOut: change(
    ({ field }) => isTensor(field),
    ({ field }, random) => {
      const entry = (key: string, value: string): Field => ({
        number: 13,
        wireType: 2,
        value: [textField(1, key), textField(2, value)],
      });
      const tensor = (field.value as Field[]).filter(({ number }) => number !== 9);
      tensor.push(entry("location", random.pick(LOCATIONS)), { number: 14, wireType: 0, value: 1n });
      for (const key of ["offset", "length"]) if (random.chance(0.5)) tensor.push(entry(key, random.pick(SIZES)));
      field.value = tensor;
    },
  ),
  /** All dimensions of one tensor large, or one of them zero. */
  shape: change(
    ({ field }) => isTensor(field),
    ({ field }, random) => {
      const others = (field.value as Field[]).filter(({ number }) => number !== 1);
      const sizes = Array.from({ length: random.below(6) }, () =>
        random.pick([0n, 1n, 2n, 16n, 2n ** 20n, 2n ** 40n, 2n ** 53n - 1n]),
      );
      field.value = [...sizes.map((value): Field => ({ number: 1, wireType: 0, value })), ...others];
    },
  ),
  /** Copies of a layer with weights of their own, all of the same name. */
  layers: ({ root, random }) => {
    const graph = graphOf(root);
    const nodes = graph.filter(({ number, value }) => number === 1 && Array.isArray(value));
    if (nodes.length === 0) return;
    const node = random.pick(nodes);
    const inputs = new Set(
      (node.value as Field[]).filter(({ number }) => number === 1).map((input) => textAt([input], 1)),
    );
    const own = graph.filter((field) => isTensor(field) && inputs.has(textAt(field.value as Field[], 8)));
    for (let copy = copiesOf([node, ...own], random.magnitude(400)); copy > 0; copy--) {
      const names = new Set(own.map(({ value }) => textAt(value as Field[], 8)));
      const suffixed = (field: Field, numbers: readonly number[], all: boolean): Field => ({
        ...field,
        value: (field.value as Field[]).map((one) => {
          const name =
            numbers.includes(one.number) && one.value instanceof Uint8Array ? Buffer.from(one.value).toString() : null;
          return name !== null && (all || names.has(name) || one.number === 2)
            ? textField(one.number, `${name}#${copy}`)
            : cloneField(one);
        }),
      });
      graph.push(suffixed(node, [1, 2], false), ...own.map((tensor) => suffixed(tensor, [8], true)));
    }
  },
  /** A long way of nodes that hand a value on, in front of a node. */
  chain: ({ root, random }) => {
    const graph = graphOf(root);
    const reading = graph.filter(
      ({ number, value }) => number === 1 && Array.isArray(value) && value.some((one) => one.number === 1),
    );
    if (reading.length === 0) return;
    const inputs = (random.pick(reading).value as Field[]).filter(({ number }) => number === 1);
    const input = random.pick(inputs);
    const opType = random.pick(["Identity", "Transpose", "Cast", "Reshape", "Mul"]);
    let last = input.value as Uint8Array;
    for (let link = random.magnitude(300); link > 0; link--) {
      const next = text(`chain ${link}`);
      graph.push({
        number: 1,
        wireType: 2,
        value: [{ number: 1, wireType: 2, value: last }, { number: 2, wireType: 2, value: next }, textField(4, opType)],
      });
      last = next;
    }
    input.value = last;
  },
  /** The main graph inside of nodes inside of graphs. */
  nest: ({ root, random }) => {
    const graph = root.find(({ number, value }) => number === 7 && Array.isArray(value));
    if (graph === undefined) return;
    for (let depth = random.magnitude(60); depth > 0; depth--) {
      const attribute: Field = {
        number: 5,
        wireType: 2,
        value: [textField(1, "body"), { number: 6, wireType: 2, value: graph.value }],
      };
      graph.value = [{ number: 1, wireType: 2, value: [textField(4, random.pick(["If", "Loop", "Scan"])), attribute] }];
    }
  },
} as const satisfies Record<string, (tree: TreeMutation) => void>;

/** As many copies as wished, unless they are large: a mutant of a small model stays one. */
const copiesOf = (fields: readonly Field[], wished: number): number =>
  Math.min(wished, Math.floor(200_000 / fields.reduce((sum, field) => sum + sizeOf(field), 1)));

const isTensor = ({ number, value }: Field): boolean =>
  number === 5 && Array.isArray(value) && value.some((one) => one.number === 2);

/** The fields of the main graph; none where it is damaged. */
function graphOf(root: Field[]): Field[] {
  const value = root.find(({ number }) => number === 7)?.value;
  return Array.isArray(value) ? value : [];
}
