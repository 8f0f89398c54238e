// The data that wasm test programs may open, by path relative to the repository's root.
import { readdir } from 'node:fs/promises';

const FOLDERS = ['tests/golden', 'tests/hostile'];
const SOURCE_CODE = /\.(cc|h|py|txt|md)$/;

/** @returns {Promise<string[]>} every data file's path, with the root as working directory */
export async function listTestData() {
  const names = [];
  for (const folder of FOLDERS) {
    for (const entry of await readFolder(folder)) {
      if (entry.isFile() && !SOURCE_CODE.test(entry.name)) {
        names.push(`${entry.parentPath ?? entry.path}/${entry.name}`);
      }
    }
  }
  return names.sort();
}

async function readFolder(folder) {
  try {
    return await readdir(folder, { recursive: true, withFileTypes: true });
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}
