/**
 * Memory given back at once. The collector finds typed arrays that nobody holds any more, but late, and it looks
 * through the whole heap for them whenever some 64 MB have been made: beside a tokenizer and a graph, loops that make
 * arrays by the hundred then spend a third of their time, or more, on being looked through.
 */

/**
 * A channel without a far end: what is sent with a message leaves its sender and arrives nowhere. The near end stays
 * open, because a browser sends nothing from a closed one.
 */
const nowhere = (() => {
  const { port1, port2 } = new MessageChannel();
  port2.close();
  return port1;
})();

/**
 * Frees the memory of arrays, which are empty afterwards, as are all others in the same buffer.
 *
 * @param arrays each in a buffer of its own, and no two in the same one
 */
export function free(...arrays: readonly ArrayBufferView[]): void {
  const buffers = arrays.flatMap(({ buffer }) => (buffer.byteLength > 0 ? [buffer as ArrayBuffer] : []));
  nowhere.postMessage(null, buffers);
}
