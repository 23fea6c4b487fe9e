/** In Node the host gives the paths of session files, which name them (see file-names.web.ts). */
import type { PruneProgressCallback } from "./events.js";
import type { SessionRequest } from "./intercept.js";

/** Learns the names of files that come as bytes: none. */
export class FileNames {
  /** The callback as it is. */
  listening(callback: PruneProgressCallback | null | undefined): PruneProgressCallback | null | undefined {
    return callback;
  }

  /** The request as it is. */
  naming(request: SessionRequest): SessionRequest {
    return request;
  }
}
