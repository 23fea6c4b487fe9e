/** Files that leave the page: downloads, and folders where the browser can write them. */
import type { FolderFile } from "./protocol.js";

/** The part of the File System Access API that is used; not every browser has it, nor TypeScript's DOM types. */
interface DirectoryPicker {
  showDirectoryPicker?(options: { mode: "readwrite" }): Promise<FileSystemDirectoryHandle>;
}

export const canSaveFolders = "showDirectoryPicker" in window;

/** Hands a file to the browser's downloads. */
export function download(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The download has its own hold on the bytes once it has begun.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Asks the user for a folder; null where the user thinks better of it. Call within a click. */
export async function pickFolder(): Promise<FileSystemDirectoryHandle | null> {
  try {
    return (await (window as DirectoryPicker).showDirectoryPicker?.({ mode: "readwrite" })) ?? null;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return null;
    throw error;
  }
}

/** Writes files into a folder, under their paths. */
export async function saveFiles(folder: FileSystemDirectoryHandle, files: readonly FolderFile[]): Promise<void> {
  for (const { path, blob } of files) {
    const parts = path.split("/");
    const name = parts.pop() as string;
    let place = folder;
    for (const part of parts) place = await place.getDirectoryHandle(part, { create: true });
    const file = await place.getFileHandle(name, { create: true });
    await blob.stream().pipeTo(await file.createWritable());
  }
}
