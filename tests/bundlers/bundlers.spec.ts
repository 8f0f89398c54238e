// The packed package, installed from its tarball into projects outside the workspace, built by others'
// bundlers at fixed versions, and made to recommend in Chromium. Needs the npm registry.

import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Page } from '@playwright/test';

import { DEADLINE, expect, rootDir, test } from '../browser/fixtures';

interface Project {
  readonly name: string;
  /** Of tests/bundlers. */
  readonly folder: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly build: readonly [program: string, ...rest: string[]];
}

const PROJECTS: readonly Project[] = [
  { name: 'Vite 7', folder: 'vite', dependencies: { vite: '7.3.8' }, build: ['vite', 'build'] },
  { name: 'Vite 8', folder: 'vite', dependencies: { vite: '8.3.8' }, build: ['vite', 'build'] },
  {
    name: 'webpack 5',
    folder: 'webpack',
    dependencies: { webpack: '5.113.0', 'webpack-cli': '7.3.1' },
    build: ['webpack', '--config', 'webpack.config.cjs'],
  },
  {
    name: 'Next 16',
    folder: 'next',
    dependencies: { next: '16.4.6', react: '19.3.1', 'react-dom': '19.3.1' },
    build: ['next', 'build'],
  },
];

const here = path.join(rootDir, 'tests/bundlers');
let temporary = '';
let tarball = '';

test.beforeAll(() => {
  temporary = mkdtempSync(path.join(tmpdir(), 'halfling-bundlers-'));
  const pack = ['pack', '--ignore-scripts', '--pack-destination', temporary];
  execFileSync('npm', pack, { ...DEADLINE, cwd: path.join(rootDir, 'web'), stdio: 'pipe' });
  tarball = path.join(
    temporary,
    readdirSync(temporary).find((name) => name.endsWith('.tgz')) ?? '',
  );
});
test.afterAll(() => rmSync(temporary, { recursive: true, force: true }));

function run(project: string, program: string, ...rest: string[]): void {
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: undefined };
  try {
    execFileSync(program, rest, {
      ...DEADLINE,
      cwd: project,
      stdio: 'pipe',
      env: env as NodeJS.ProcessEnv,
    });
  } catch (error) {
    const { message, stdout } = error as Error & { stdout: Buffer }; // stderr is in the message
    throw new Error(`${message}\n${stdout}`);
  }
}

/** Installs a project; returns its folder. */
function install({ name, folder, dependencies }: Project): string {
  const project = path.join(temporary, name.replaceAll(' ', '-').toLowerCase());
  mkdirSync(project);
  cpSync(path.join(here, folder), project, { recursive: true });
  if (folder !== 'next') cpSync(path.join(here, 'shared'), project, { recursive: true });
  const description = { private: true, dependencies: { ...dependencies, halfling: tarball } };
  writeFileSync(path.join(project, 'package.json'), JSON.stringify(description));
  run(project, 'npm', 'install', '--no-audit', '--no-fund', '--no-package-lock');
  return project;
}

async function expectRecommendations(page: Page): Promise<void> {
  await expect(page.getByRole('listitem')).toHaveCount(5);
  await expect(page.getByRole('listitem').first()).toContainText('Star Wars');
}

async function expectThreads(page: Page, isolated: boolean): Promise<void> {
  const processors = await page.evaluate(() => navigator.hardwareConcurrency);
  const expected = isolated ? Math.min(processors, 4) : 1;
  await expect(page.locator('[data-threads]')).toHaveAttribute('data-threads', `${expected}`);
}

/** Runs a program until `use` is done with the address that it prints. */
async function withServer(
  project: string,
  [program, ...rest]: readonly string[],
  use: (url: string) => Promise<void>,
): Promise<void> {
  const server = spawn(path.join(project, 'node_modules/.bin', program ?? ''), rest, {
    cwd: project,
    env: { ...process.env, NO_COLOR: '1' },
  });
  try {
    let printed = '';
    const url = await new Promise<string>((resolve, reject) => {
      const read = (chunk: Buffer) => {
        printed += chunk.toString();
        const found = /http:\/\/(?:localhost|127\.0\.0\.1):\d+\//.exec(printed);
        if (found) resolve(found[0]);
      };
      server.stdout.on('data', read);
      server.stderr.on('data', read);
      server.on('exit', () => reject(new Error(`${program} ended: ${printed}`)));
    });
    await use(url);
  } finally {
    server.kill();
  }
}

for (const description of PROJECTS) {
  test(`${description.name} builds it, and the page recommends`, async ({ page, site }) => {
    site.reset();
    const project = install(description);
    const [program, ...rest] = description.build;
    run(project, path.join('node_modules/.bin', program), ...rest);
    const out = path.join(project, 'out');
    if (description.folder === 'webpack')
      cpSync(path.join(project, 'index.html'), `${out}/index.html`);
    site.mount('/model/', path.join(rootDir, 'build/models/movielens-half'));
    site.mount('/', out);
    if (description.folder === 'next') site.policy = undefined; // its own scripts are inline
    for (const isolated of [false, true]) {
      site.isolated = isolated;
      await page.goto(`${site.url}index.html`);
      await expectRecommendations(page);
      await expectThreads(page, isolated);
    }
    if (description.folder !== 'vite') return;

    // Vite's development server serves modules in another way than its build.
    cpSync(path.join(rootDir, 'build/models/movielens-half'), `${project}/public/model`, {
      recursive: true,
    });
    await withServer(project, ['vite', '--host', '127.0.0.1', '--port', '0'], async (url) => {
      await page.goto(url);
      await expectRecommendations(page);
    });
  });
}
