/**
 * Remembers the bytes that each decoded object came from. The objects stay plain data for the rest
 * of the package; only this room knows that they lie in a file.
 */
import type { OnnxGraph, OnnxModel, OnnxNode, OnnxTensor } from "./types.js";
import type { Span } from "./wire.js";

/** What the writer must know of a model beyond what its type shows. */
export interface ModelOrigin {
  readonly span: Span;
  /** Every tensor of the file in its order: initializers, attributes, nested graphs, functions, sparse tensors. */
  readonly tensors: readonly OnnxTensor[];
}

/** Where the span is kept. A hidden property: a WeakMap of 10^5 nodes makes garbage collection slow. */
const SPAN = Symbol("span");
const models = new WeakMap<OnnxModel, ModelOrigin>();

type Located = OnnxTensor | OnnxNode | OnnxGraph;

/** Links an object to the content of its message and returns it. */
export function rememberSpan<T extends Located>(object: T, span: Span): T {
  (object as T & { [SPAN]?: Span })[SPAN] = span;
  return object;
}

/** The content of the message that an object was decoded from.
 *  @throws TypeError where the object did not come from `openModel`, a mistake of the calling code */
export function spanOf(object: Located & { readonly [SPAN]?: Span }): Span {
  const span = object[SPAN];
  if (span === undefined) throw new TypeError(`"${object.name}" was not read by openModel`);
  return span;
}

/** Links a model to its file and returns it. */
export function rememberModel(model: OnnxModel, origin: ModelOrigin): OnnxModel {
  models.set(model, origin);
  return model;
}

/** The file behind a model.
 *  @throws TypeError where the model did not come from `openModel` */
export function originOf(model: OnnxModel): ModelOrigin {
  const origin = models.get(model);
  if (origin === undefined) throw new TypeError(`model "${model.name}" was not read by openModel`);
  return origin;
}
