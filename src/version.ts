/** Version of the package, part of every cache key: a new version may prune differently. */
import { version } from "../package.json";

export const VERSION: string = version;
