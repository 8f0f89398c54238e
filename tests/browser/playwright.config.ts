// Page tests in the Chromium that scripts/setup installed. Run: npm test -w demo
import { defineConfig } from '@playwright/test';

import { findChromium } from '../../scripts/lib/chromium.mjs';

export default defineConfig({
  testDir: '.',
  outputDir: '../../build/test-results',
  workers: 1, // the machine's cores belong to the page and its workers
  timeout: 180_000,
  expect: { timeout: 45_000 },
  forbidOnly: Boolean(process.env['CI']),
  reporter: [['list']],
  use: {
    launchOptions: {
      executablePath: await findChromium(),
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
});
