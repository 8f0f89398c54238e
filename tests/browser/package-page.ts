// What the specs of the package have in common: a page whose global `halfling` is the package, and a
// recommender in it.

import { readFile } from 'node:fs/promises';

import type { Page } from '@playwright/test';
import type { CreateOptions, HalflingError, Recommender } from 'halfling';

import type { PackageSite } from './package-site.mjs';

declare global {
  var halfling: typeof import('halfling');
  var recommender: Recommender;
}

export const MODEL = '/models/movielens-half/';
export const ORIGINAL = '/models/movielens-original/';

export async function openPage(page: Page, site: PackageSite): Promise<void> {
  await page.goto(site.url);
  await page.waitForFunction(() => 'halfling' in globalThis);
}

export async function create(page: Page, options: CreateOptions): Promise<void> {
  await page.evaluate(async (given) => {
    globalThis.recommender = await halfling.createRecommender(given);
  }, options);
}

/** Code and message of the HalflingError with which createRecommender(options) rejects. */
export async function createError(page: Page, options: CreateOptions): Promise<HalflingError> {
  return await page.evaluate(async (given) => {
    const created = await halfling.createRecommender(given).catch((error: unknown) => error);
    if (!(created instanceof halfling.HalflingError))
      throw new Error('it did not reject as it should');
    return { code: created.code, message: created.message, name: created.name };
  }, options);
}

/**
 * What two recommenders say to the same 200 made-up histories, by the exact search and by beams in
 * turn, and as reasons: `different` has the histories after which ids or bits of scores differ.
 */
export async function compareBits(page: Page, ...pair: readonly [CreateOptions, CreateOptions]) {
  return await page.evaluate(async ([oneOptions, otherOptions]) => {
    const one = await halfling.createRecommender(oneOptions);
    const other = await halfling.createRecommender(otherOptions);
    let seed = 11;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 8) % below;
    };
    const pickItem = () => one.items[random(one.items.length)]?.id ?? '';
    const bits = async (of: Recommender, history: string[], beamWidth?: number) => {
      const list = await of.recommend({ history, ...(beamWidth && { beamWidth }) });
      const scores = new Int32Array(Float32Array.from(list, ({ score }) => score).buffer);
      return list.map(({ id }, i) => `${id}:${scores[i]}`).join(' ');
    };
    const different: string[] = [];
    const distinct = new Set<string>();
    for (let i = 0; i < 200; i++) {
      const history = Array.from({ length: 1 + random(25) }, pickItem);
      const width = i % 2 === 0 ? undefined : 1 + random(30);
      const [a, b] = [await bits(one, history, width), await bits(other, history, width)];
      if (a !== b) different.push(`${history.join(',')}: ${a} | ${b}`);
      distinct.add(a);
    }
    const film = pickItem();
    const history = Array.from({ length: 9 }, pickItem).filter((id) => id !== film);
    const reasons = [one, other].map((of) => of.explain(film, { history }));
    return {
      infos: [one.info, other.info],
      different,
      distinct: distinct.size,
      reasons: await Promise.all(reasons),
    };
  }, pair);
}

export interface Manifest {
  readonly version: string;
  readonly files: { path: string; bytes: number; sha256: string }[];
}

export async function readManifest(site: PackageSite, model = MODEL): Promise<Manifest> {
  return JSON.parse(await readFile(site.fileOf(`${model}manifest.json`) as string, 'utf8'));
}

export async function readShard(site: PackageSite): Promise<{ path: string; bytes: Buffer }> {
  const shard = (await readManifest(site)).files.find((file) => file.path.endsWith('.safetensors'));
  const path = MODEL + shard?.path;
  return { path, bytes: await readFile(site.fileOf(path) as string) };
}

export const binary = (body: Uint8Array) => ({ body, type: 'application/octet-stream' });
