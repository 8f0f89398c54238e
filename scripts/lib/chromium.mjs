// The Chromium that this machine has, driven by playwright-core (which downloads none).
import { access } from 'node:fs/promises';
import path from 'node:path';
import { chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const FLAGS = [
  '--disable-dev-shm-usage', // Containers often give /dev/shm 64 MB.
  '--disable-gpu',
];

/** @returns {Promise<import("playwright-core").Browser>} headless; the caller closes it */
export async function launchChromium() {
  const isRoot = process.getuid?.() === 0;
  return chromium.launch({
    executablePath: await findChromium(),
    timeout: 180_000, // A loaded machine may take minutes.
    // Chromium's sandbox refuses to run as root, as in most containers.
    args: isRoot ? [...FLAGS, '--no-sandbox'] : FLAGS,
  });
}

/** @returns {Promise<string>} $HALFLING_CHROMIUM, or the first of the usual names on PATH */
export async function findChromium() {
  if (process.env.HALFLING_CHROMIUM) return process.env.HALFLING_CHROMIUM;
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  for (const name of NAMES) {
    for (const folder of folders) {
      const candidate = path.join(folder, name);
      if (
        await access(candidate).then(
          () => true,
          () => false,
        )
      )
        return candidate;
    }
  }
  throw new Error(
    `No Chromium: none of ${NAMES.join(', ')} is on PATH. Run scripts/setup, or set ` +
      'HALFLING_CHROMIUM to its program.',
  );
}
