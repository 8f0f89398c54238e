// Page tests in the browsers that scripts/setup --browsers installed. Run: npm test -w demo
import { defineConfig } from '@playwright/test';

import { findChromium, findFirefox } from '../../scripts/lib/browsers.mjs';

export default defineConfig({
  testDir: '.',
  outputDir: '../../build/test-results',
  workers: 1, // the machine's cores belong to the page and its workers
  timeout: 180_000,
  expect: { timeout: 45_000 },
  forbidOnly: Boolean(process.env['CI']),
  reporter: [['list']],
  projects: [
    {
      name: 'chromium',
      testIgnore: '**/webkit.spec.ts',
      use: {
        launchOptions: {
          executablePath: await findChromium(),
          args: ['--disable-gpu', '--disable-quic'],
        },
      },
    },
    {
      // An unchanged Firefox, by WebDriver BiDi.
      name: 'firefox',
      testMatch: /(package|store|threads|visitor|shop|shop-\w+)\.spec\.ts$/,
      grepInvert: /@chromium|@once/,
      use: {
        browserName: 'firefox',
        channel: 'moz-firefox',
        launchOptions: { executablePath: (await findFirefox()) ?? '' },
      },
    },
    { name: 'webkit', testMatch: '**/webkit.spec.ts' },
  ],
});
