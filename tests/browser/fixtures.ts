// What several tests use: servers, one of each for all of them, and what watches a page.

import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { chromium, test as base, type BrowserContext, type Page } from '@playwright/test';
import { preview } from 'vite';

import { ISOLATION } from '../../scripts/lib/isolation.mjs';
import { PackageSite } from './package-site.mjs';

export const rootDir = join(dirname(fileURLToPath(import.meta.url)), '../..');

interface Worker {
  /** Address of the demo's production build, served by `vite preview`. */
  readonly demoUrl: string;
  readonly site: PackageSite;
}

export function requireBuilt(path: string, command: string): void {
  if (!existsSync(join(rootDir, path))) throw new Error(`${path} is missing: run \`${command}\`.`);
}

export interface DemoServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves the shop's production build (or another, from `outDir`) as `npm run demo` does. */
export async function serveDemo({ outDir = 'dist', isolated = false } = {}): Promise<DemoServer> {
  requireBuilt('demo/dist/index.html', 'npm run build -w web && npm run build -w demo');
  const server = await preview({
    root: join(rootDir, 'demo'),
    logLevel: 'error',
    build: { outDir },
    preview: {
      port: 0,
      host: '127.0.0.1',
      headers: isolated ? ISOLATION : {},
    },
  });
  let closing: Promise<void> | undefined;
  return {
    url: server.resolvedUrls?.local[0] as string,
    close: () => (closing ??= server.close()),
  };
}

/** For a program that blocks this process: nothing else could end it. */
export const DEADLINE = { timeout: 120_000, killSignal: 'SIGKILL' } as const;

interface Test {
  /** Skips what there is no browser for. */
  installed: void;
  violations: string[];
  /** serveDemo(), closed after the test. */
  serve: typeof serveDemo;
  /** A folder with a copy of the shop's production build. */
  shopCopy: string;
  /** A folder for what browsers store. */
  profile: string;
  /** A visit by a Chromium with that profile, closed afterwards, so that all of it is written. */
  inProfile: (visit: (page: Page, context: BrowserContext) => Promise<void>) => Promise<void>;
}

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'halfling-test-'));
  await use(folder);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

export const test = base.extend<Test, Worker>({
  installed: [
    async ({ browserName, launchOptions }, use, { skip }) => {
      const { executablePath } = launchOptions;
      skip(browserName === 'firefox' && !executablePath, 'Firefox is not installed: scripts/setup --browsers, or HALFLING_FIREFOX names one');
      await use();
    },
    { auto: true },
  ],
  demoUrl: [
    async ({}, use) => {
      const server = await serveDemo();
      await use(server.url);
      await server.close();
    },
    { scope: 'worker' },
  ],
  site: [
    async ({}, use) => {
      requireBuilt('web/dist/index.js', 'npm run build -w web');
      requireBuilt('build/models/movielens-half/manifest.json', 'npm run demo');
      const site = await PackageSite.start(rootDir);
      await use(site);
      await site.stop();
    },
    { scope: 'worker' },
  ],
  /** Everything that the page's Content-Security-Policy, or its scripts, complained about. */
  violations: async ({ page }, use) => {
    const violations: string[] = [];
    page.on('pageerror', (error) => violations.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') violations.push(message.text());
    });
    await use(violations);
  },
  serve: async ({}, use) => {
    const servers: DemoServer[] = [];
    await use(async (options) => {
      const server = await serveDemo(options);
      servers.push(server);
      return server;
    });
    for (const server of servers) await server.close();
  },
  shopCopy: ({}, use) =>
    withFolder(async (folder) => {
      cpSync(join(rootDir, 'demo/dist'), folder, { recursive: true });
      await use(folder);
    }),
  profile: ({}, use) => withFolder(use),
  inProfile: async ({ profile, launchOptions }, use) => {
    await use(async (visit) => {
      const context = await chromium.launchPersistentContext(profile, launchOptions);
      try {
        await visit(context.pages()[0] ?? (await context.newPage()), context);
      } finally {
        await context.close();
      }
    });
  },
});

export { expect } from '@playwright/test';

/**
 * Of tests that need what Playwright can do with Chromium alone. Driven by WebDriver BiDi, Firefox can
 * also hang where two workers start threads at once (2 of 21 loads; of 200 left to itself, none).
 */
export const CHROMIUM_ONLY = { tag: '@chromium' };

/** Of what no browser does otherwise than another: the shop's own logic, its words, its colours. */
export const ONCE = { tag: '@once' };

/** The addresses of all requests of the page and its workers from now on. */
export function recordRequests(page: Page): string[] {
  const urls: string[] = [];
  page.context().on('request', (request) => urls.push(request.url()));
  return urls;
}

/** Lets the page's first worker end itself behind the package's back: no event tells the page. */
export async function endWorker(page: Page): Promise<void> {
  await page.workers()[0]?.evaluate(() => (globalThis as unknown as Window).close());
}

/** Files of a browser's profile that hold `text`, in the two encodings that Chromium uses. */
export function filesHolding(profile: string, text: string, within = /./): string[] {
  const needles = [Buffer.from(text), Buffer.from(text, 'utf16le')];
  return readdirSync(profile, { recursive: true, encoding: 'utf8' }).filter((name) => {
    if (!within.test(name)) return false;
    const file = join(profile, name);
    if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return false;
    const bytes = readFileSync(file);
    return needles.some((needle) => bytes.includes(needle));
  });
}
