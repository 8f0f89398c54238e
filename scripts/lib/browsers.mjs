// The browsers that this machine has, driven by playwright-core (which downloads none).
import { access } from 'node:fs/promises';
import path from 'node:path';
import { chromium } from 'playwright-core';

const CHROMIUM_NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const FIREFOX_NAMES = ['firefox-esr', 'firefox'];

/** @returns {Promise<import("playwright-core").Browser>} headless; the caller closes it */
export async function launchChromium() {
  return chromium.launch({
    executablePath: await findChromium(),
    timeout: 180_000, // A loaded machine may take minutes.
    args: ['--disable-gpu'],
  });
}

/** @returns {Promise<string>} $HALFLING_CHROMIUM, or the first of the usual names on PATH */
export async function findChromium() {
  const found = process.env.HALFLING_CHROMIUM || (await findOnPath(CHROMIUM_NAMES));
  if (found) return found;
  throw new Error(
    `No Chromium: none of ${CHROMIUM_NAMES.join(', ')} is on PATH. Run scripts/setup, or set ` +
      'HALFLING_CHROMIUM to its program.',
  );
}

/** @returns {Promise<string | undefined>} $HALFLING_FIREFOX, or a usual name on PATH, if any is */
export async function findFirefox() {
  return process.env.HALFLING_FIREFOX || (await findOnPath(FIREFOX_NAMES));
}

/** @param {string[]} names in the order in which they are wanted */
async function findOnPath(names) {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  for (const program of names.flatMap((name) => folders.map((folder) => path.join(folder, name)))) {
    const isThere = await access(program).then(
      () => true,
      () => false,
    );
    if (isThere) return program;
  }
  return undefined;
}
