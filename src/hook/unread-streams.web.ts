/** Browsers have no read streams on files, so there are none to be closed (see unread-streams.node.ts). */

/** Nothing to watch. */
export function watchReadStreams(): void {}

/** Nothing to close. */
export function closeUnreadStreams(_path: string): void {}
