// docs/bring-your-own-model.md to its end: its commands on a tiny model, its server, its page.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { DEADLINE, expect, rootDir, test } from './fixtures';

const GUIDE = readFileSync(path.join(rootDir, 'docs/bring-your-own-model.md'), 'utf8');

let folder: string;
let server: ChildProcess | undefined;
let port: number;

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  if (typeof address !== 'object' || !address) throw new Error('no port is free');
  return address.port;
}

test.beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'halfling-guide-'));
  const [python, guide] = ['.venv/bin/python', 'tests/scripts/guide.py'];
  execFileSync(python, [guide, folder], { ...DEADLINE, cwd: rootDir, stdio: 'pipe' });
  port = await freePort();
  const command = /^python3 -m http\.server .*$/m.exec(GUIDE)?.[0] ?? '';
  expect(command).toMatch(/ 8000$/);
  const [program, ...options] = command.replace(/8000$/, String(port)).split(' ');
  server = spawn(program as string, options, { cwd: folder, stdio: 'ignore' });
});

test.afterAll(async () => {
  if (server?.exitCode === null && server.kill()) await once(server, 'exit');
  rmSync(folder, { recursive: true, force: true });
});

test('the page shows six items of the model that was brought', async ({ page, violations }) => {
  await page.route('**/favicon.ico', (route) => route.fulfill({ status: 204 }));
  const list = page.locator('pre');
  await expect(async () => {
    await page.goto(`http://localhost:${port}/`);
  }).toPass({ timeout: 30_000 }); // the server may still be starting
  await expect(list).toHaveText(/^(String set – no\. \d+\n){5}String set – no\. \d+$/);
  const answer = execFileSync(
    path.join(rootDir, 'build/native/compressor/halfling'),
    ['recommend', path.join(folder, 'build/models/shop'), '--history', '3', '--limit', '6', '--json'],
    { ...DEADLINE, encoding: 'utf8' },
  );
  const titles = JSON.parse(answer).items.map(({ title }: { title: string }) => title);
  expect((await list.innerText()).split('\n')).toEqual(titles);
  expect(violations).toEqual([]);
});
