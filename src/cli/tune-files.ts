/** The files that `tune` writes: whole or not at all, and never in the place of something else. */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { PruneError } from "../errors.js";
import { dottedLabel, parseJson } from "../options/index.js";
import { readRecord } from "../registry/index.js";
import { draftOf, withStorageErrors, writeWholeFile } from "../store/folders.js";
import { PAGE_GENERATOR } from "../tune/index.js";

/** A file to be written. */
export interface OutputFile {
  readonly path: string;
  /** The flag that names it, for messages. */
  readonly flag: string;
  /** What the flag is for, in a few words. */
  readonly what: string;
  /** Whether a file's content is what the flag writes, so that a new one may take its place. */
  readonly isOurs: (content: string) => boolean;
}

/** The record of a tuning. */
export const recordFile = (path: string): OutputFile => ({
  path,
  flag: "--out",
  what: "no coefficients of a tuning",
  isOurs: (content) => {
    try {
      readRecord(parseJson(content, path), dottedLabel(path));
      return true;
    } catch {
      return false;
    }
  },
});

/** The page of a tuning. */
export const pageFile = (path: string): OutputFile => ({
  path,
  flag: "--report",
  what: "no report of a tuning",
  isOurs: (content) => content.includes(`<meta name="generator" content="${PAGE_GENERATOR}"`),
});

/**
 * Makes sure, before the work, that a file can be written after it: its folder is there and can be
 * written to, and it is not something else.
 *
 * @param force whether something else may be replaced; a folder never is
 * @throws PruneError `storage`
 */
export async function makeWay({ path, flag, what, isOurs }: OutputFile, force: boolean): Promise<void> {
  const content = await withStorageErrors(`${flag} ${path} cannot be written`, async () => {
    await mkdir(dirname(resolve(path)), { recursive: true });
    return readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return null;
      throw error;
    });
  });
  if (content === null || force || isOurs(content)) return tryDraft(path, flag);
  throw new PruneError(
    "storage",
    `${flag} ${path} exists and is ${what}; name another file, or replace it with --force`,
    { details: { file: path } },
  );
}

/** A folder says only when something is written whether it can be. */
const tryDraft = (path: string, flag: string): Promise<void> =>
  withStorageErrors(`${flag} ${path} cannot be written`, async () => {
    await writeFile(draftOf(path), "");
    await rm(draftOf(path));
  });

/** Writes a text file that appears whole. @throws PruneError `storage` */
export const writeWhole = ({ path, flag }: OutputFile, content: string): Promise<void> =>
  withStorageErrors(`${flag} ${path} cannot be written`, () => writeWholeFile(path, content));

/** Whether there is a file; one that cannot be looked at counts as one. */
export const isThere = (path: string): Promise<boolean> =>
  readFile(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== "ENOENT",
  );
