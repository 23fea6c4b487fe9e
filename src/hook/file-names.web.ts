/**
 * Names of session files in browsers, where the host hands over bytes and says nothing of where they are
 * from. It reports its downloads, though: bytes are the file of which as many were read.
 */
import type { PruneProgressCallback } from "./events.js";
import type { SessionRequest } from "./intercept.js";
import { nameBytes } from "./session-file.js";

/** Learns the names of files that come as bytes. One for all loads of a model. */
export class FileNames {
  /** Bytes read so far, by file. */
  private readonly read = new Map<string, number>();

  /** A callback that also listens to the host's downloads. */
  listening(callback: PruneProgressCallback | null | undefined): PruneProgressCallback | null | undefined {
    return (info) => {
      if (info.status === "progress" && info.file.endsWith(".onnx")) this.read.set(info.file, info.loaded);
      callback?.(info);
    };
  }

  /** A request whose bytes have names, where exactly one file has their size. */
  naming(request: SessionRequest): SessionRequest {
    return {
      announce: (model, options) => {
        this.name(model);
        request.announce?.(model, options);
      },
      open: (model, options, create) => {
        this.name(model);
        return request.open(model, options, create);
      },
    };
  }

  private name(model: unknown): void {
    if (!(model instanceof Uint8Array)) return;
    const [path, ...others] = [...this.read].filter(([, size]) => size === model.byteLength).map(([path]) => path);
    if (path !== undefined && others.length === 0) nameBytes(model, path);
  }
}
