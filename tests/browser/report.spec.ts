// `halfling report`: the page as it lies on disk, of a model whose catalogue is hostile.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import AxeBuilder from '@axe-core/playwright';

import { DEADLINE, expect, recordRequests, rootDir, test } from './fixtures';

const HOSTILE = '</script><script>document.title = "taken over"</script><!-- & "quoted"';

let folder: string;
let report: string;

test.beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'halfling-report-'));
  const checkpoint = path.join(folder, 'checkpoint');
  cpSync(path.join(rootDir, 'build/checkpoints/movielens'), checkpoint, { recursive: true });
  const description = path.join(checkpoint, 'recommender.json');
  const recommender = JSON.parse(readFileSync(description, 'utf8'));
  for (const item of recommender.items) item.title = `${HOSTILE} ${item.title}`;
  writeFileSync(description, JSON.stringify(recommender));

  const run = (...args: string[]) =>
    execFileSync(path.join(rootDir, 'build/native/compressor/halfling'), args, {
      ...DEADLINE,
      stdio: 'pipe',
    });
  const model = path.join(folder, 'model');
  const settings = ['--calibration-users', '60', '--evaluate-users', '0'];
  run('compress', checkpoint, model, '--method', 'svd-llm', '--keep', '0.3', ...settings);
  report = path.join(folder, 'report.html');
  run('report', model, '--against', checkpoint, '--users', '60', '--output', report);
});

test.afterAll(() => rmSync(folder, { recursive: true, force: true }));

for (const width of [360, 1280]) {
  test(`draws every plot, asks for nothing, and fits ${width} pixels`, async ({
    page,
    violations,
  }) => {
    const requests = recordRequests(page);
    await page.setViewportSize({ width, height: 900 });
    await page.goto(pathToFileURL(report).href);
    await expect(page.getByRole('heading', { name: 'Singular values and ranks' })).toBeVisible();

    expect(violations).toEqual([]);
    expect(requests.filter((url) => !url.startsWith('file:'))).toEqual([]);
    const overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - window.innerWidth,
    );
    expect(overflow).toBeLessThanOrEqual(0);
    const blank = await page.locator('canvas').evaluateAll((canvases) =>
      canvases.filter((element) => {
        const canvas = element as HTMLCanvasElement;
        const context = canvas.getContext('2d');
        if (!context) return true;
        const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
        return data.every((value) => value === 0);
      }).length,
    );
    expect(await page.locator('canvas').count()).toBeGreaterThan(5);
    expect(blank).toBe(0);
  });
}

test('shows hostile titles as text', async ({ page }) => {
  await page.goto(pathToFileURL(report).href);
  await expect(page.getByText(HOSTILE, { exact: false }).first()).toBeVisible();
  expect(await page.title()).not.toContain('taken over');
});

test('can be read by everybody, as far as axe can tell', async ({ page }) => {
  await page.goto(pathToFileURL(report).href);
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.length}`)).toEqual([]);
});
