/**
 * Several edits of one model as one. Whoever changes a model writes edits of its own (packed weights, biases,
 * norms), knows nothing of the others, and the file is written once.
 */
import type { GraphEdit, ModelEdits, OnnxNode } from "./types.js";

/**
 * The edits together. Nodes and tensors to add come in the order of the arguments; what one of them drops is dropped;
 * of two values for one key of metadata the later counts.
 *
 * @throws TypeError where two of them give one tensor other values, or one input or output of a node other names
 */
export function mergeEdits(...all: readonly ModelEdits[]): ModelEdits {
  return {
    tensors: union(
      all,
      (edits) => edits.tensors,
      ({ name }) => conflict(`values of tensor "${name}"`),
    ),
    graphs: union(
      all,
      (edits) => edits.graphs,
      (_, a, b) => mergeGraphEdits(a, b),
    ),
    addNodeOutputs: union(
      all,
      (edits) => edits.addNodeOutputs,
      (_, a, b) => [...a, ...b],
    ),
    renameNodeInputs: union(all, (edits) => edits.renameNodeInputs, mergeNames),
    renameNodeOutputs: union(all, (edits) => edits.renameNodeOutputs, mergeNames),
    metadata: Object.assign({}, ...all.map(({ metadata }) => metadata)) as Readonly<Record<string, string>>,
  };
}

type Names = ReadonlyMap<string, string>;

const mergeNames = (node: OnnxNode, a: Names, b: Names): Names =>
  union(
    [a, b],
    (names) => names,
    (name) => conflict(`"${name}" of ${node.opType} "${node.name}"`),
  );

/** One map of several; `both` decides where a key is in two. */
function union<From, Key, Value>(
  all: readonly From[],
  mapOf: (from: From) => ReadonlyMap<Key, Value> | undefined,
  both: (key: Key, a: Value, b: Value) => Value,
): ReadonlyMap<Key, Value> {
  const result = new Map<Key, Value>();
  for (const from of all)
    for (const [key, value] of mapOf(from) ?? []) {
      const known = result.get(key);
      result.set(key, known === undefined ? value : both(key, known, value));
    }
  return result;
}

function mergeGraphEdits(a: GraphEdit, b: GraphEdit): GraphEdit {
  const list = <Item>(of: (edit: GraphEdit) => readonly Item[] | undefined) => [...(of(a) ?? []), ...(of(b) ?? [])];
  const keeps = (of: (edit: GraphEdit) => ((name: string) => boolean) | undefined) => {
    const filters = [of(a), of(b)].filter((keep) => keep !== undefined);
    return filters.length === 0 ? undefined : (name: string) => filters.every((keep) => keep(name));
  };
  const keepOutputs = keeps((edit) => edit.keepOutputs);
  const keepInitializers = keeps((edit) => edit.keepInitializers);
  return {
    prependNodes: list((edit) => edit.prependNodes),
    dropNodes: new Set([...(a.dropNodes ?? []), ...(b.dropNodes ?? [])]),
    insertAfter: union(
      [a, b],
      (edit) => edit.insertAfter,
      (_, first, second) => [...first, ...second],
    ),
    addNodes: list((edit) => edit.addNodes),
    addInitializers: list((edit) => edit.addInitializers),
    addInputs: list((edit) => edit.addInputs),
    addOutputs: list((edit) => edit.addOutputs),
    ...(keepOutputs && { keepOutputs }),
    ...(keepInitializers && { keepInitializers }),
  };
}

/** Edits that contradict each other are a mistake of ours, no property of a model. */
function conflict(what: string): never {
  throw new TypeError(`two edits change ${what}`);
}
