/**
 * Works around a leak of the host. Where it wants no more of a file than its path, transformers.js 4.3 still opens a
 * read stream on it, which nobody reads and which reads the file to its end into memory
 * (src/utils/hub/FileResponse.js): as much as the model is large, while we calibrate and prune it. By the time a
 * session is opened the host has its path, so the streams on the session's files are destroyed then. Streams that
 * anybody else has opened, which the place of the call tells, are left alone.
 */
import fs from "node:fs";

/** Holds the streams on the patched function, so that all copies of this package see them. */
const WATCHED = Symbol.for("transformers-prune.watched");

/** Session files and their external data, as the host names them. */
const SESSION_FILE = /\.onnx(?:_data(?:_\d+)?)?$/;

/** Read streams on session files, by path. Weak, so that only readers keep a stream. */
type Streams = Map<string, Set<WeakRef<fs.ReadStream>>>;
type Watched = typeof fs.createReadStream & { [WATCHED]?: Streams };

/** Begins to note read streams on session files. Patched in place and once; other files pass untouched. */
export function watchReadStreams(): void {
  const original: Watched = fs.createReadStream;
  if (original[WATCHED] !== undefined) return;
  const streams: Streams = new Map();
  const watched = (...args: Parameters<typeof fs.createReadStream>): fs.ReadStream => {
    const stream = original.apply(fs, args);
    const [path] = args;
    if (typeof path === "string" && SESSION_FILE.test(path) && isCalledByHost()) note(streams, path, stream);
    return stream;
  };
  fs.createReadStream = Object.assign(watched, { [WATCHED]: streams });
}

/** Where the host's code lies: its own package, or a bundle's file that keeps the name of its class. */
const HOST_FRAME = /@huggingface[\\/]transformers|transformers\.node|FileResponse/;

const isCalledByHost = (): boolean => HOST_FRAME.test(new Error().stack ?? "");

function note(streams: Streams, path: string, stream: fs.ReadStream): void {
  const own = streams.get(path) ?? new Set();
  streams.set(path, own);
  const reference = new WeakRef(stream);
  own.add(reference);
  stream.once("close", () => {
    own.delete(reference);
    if (own.size === 0) streams.delete(path);
  });
}

/** Destroys the streams on a session file and its data files. @param path the .onnx, as the host opens it */
export function closeUnreadStreams(path: string): void {
  const streams = (fs.createReadStream as Watched)[WATCHED] ?? new Map();
  for (const [name, own] of streams)
    if (name === path || name.startsWith(`${path}_data`)) for (const stream of own) stream.deref()?.destroy();
}
