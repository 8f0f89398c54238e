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
