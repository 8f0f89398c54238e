// What the specs of the package have in common: a page whose global `halfling` is the package, and a
// recommender in it.

import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Page } from '@playwright/test';
import type { CreateOptions, HalflingError, Recommender } from 'halfling';

import { DEADLINE, requireBuilt, rootDir } from './fixtures';
import type { PackageSite } from './package-site.mjs';

declare global {
  var halfling: typeof import('halfling');
  var recommender: Recommender;
}

export const MODEL = '/models/movielens-half/';
export const ORIGINAL = '/models/movielens-original/';
const TOOL = 'build/native/compressor/halfling';

/** What can be asked of a page in every browser. */
export type Tab = Pick<Page, 'goto' | 'evaluate' | 'waitForFunction'>;

export async function openPage(tab: Tab, site: PackageSite): Promise<void> {
  await tab.goto(site.url);
  await tab.waitForFunction(() => 'halfling' in globalThis);
}

/** Lets the site's service worker keep the page and the package's files. */
export async function keepForOffline(tab: Tab): Promise<void> {
  await tab.evaluate(async () => {
    await navigator.serviceWorker.register('/sw.js');
    await navigator.serviceWorker.ready;
  });
}

export async function create(tab: Tab, options: CreateOptions): Promise<void> {
  await tab.evaluate(async (given) => {
    globalThis.recommender = await halfling.createRecommender(given);
  }, options);
}

/** Code and message of the HalflingError with which createRecommender(options) rejects. */
export async function createError(tab: Tab, options: CreateOptions): Promise<HalflingError> {
  return await tab.evaluate(async (given) => {
    const created = await halfling.createRecommender(given).catch((error: unknown) => error);
    if (!(created instanceof halfling.HalflingError))
      throw new Error('it did not reject as it should');
    return { code: created.code, message: created.message, name: created.name };
  }, options);
}

/** The top of a list after a fixed history. */
export const recommendIds = (tab: Tab) =>
  tab.evaluate(async () => {
    const history = recommender.items.slice(0, 12).map(({ id }) => id);
    return (await recommender.recommend({ history })).map(({ id }) => id);
  });

const THREADED = ['worker-threads.js', 'halfling-threads.wasm', 'halfling-relaxed-threads.wasm'];

export const threadedRequests = (site: PackageSite) =>
  site.requests.filter((url) => THREADED.some((name) => url.endsWith(name)));

/** What to ask: by the exact search, or with a beam's width by that. */
export interface Question {
  readonly history: string[];
  readonly beamWidth?: number;
}

/** Made-up histories of 1 to 25 items, the same every time; the searches take turns. */
export async function makeQuestions(site: PackageSite, count: number): Promise<Question[]> {
  const catalog = await readFile(site.fileOf(`${MODEL}catalog.json`) as string, 'utf8');
  const { items } = JSON.parse(catalog) as { items: { id: string }[] };
  let seed = 11;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % below;
  };
  const pickItem = () => items[random(items.length)]?.id ?? '';
  return Array.from({ length: count }, (_, i) => {
    const history = Array.from({ length: 1 + random(25) }, pickItem);
    return i % 2 === 0 ? { history } : { history, beamWidth: 1 + random(30) };
  });
}

/** A list as one line of ids with the bits of their scores. */
const lineOf = (list: readonly { id: string; score: number }[]) => {
  const bits = new Int32Array(Float32Array.from(list, ({ score }) => score).buffer);
  return list.map(({ id }, i) => `${id}:${bits[i]}`).join(' ');
};

/** A question with its answer, so that a difference names the history. */
type Answer = Question & { readonly line: string };

export const distinct = (answers: readonly Answer[]) => new Set(answers.map(({ line }) => line)).size;

/** What a recommender of these options answers, and tells of itself. */
export async function ask(tab: Tab, options: CreateOptions, questions: Question[]) {
  const { info, lists, reasons } = await tab.evaluate(
    async ([given, asked]) => {
      const one = await halfling.createRecommender(given);
      const lists: { id: string; score: number }[][] = [];
      for (const question of asked) {
        lists.push((await one.recommend(question)).map(({ id, score }) => ({ id, score })));
      }
      const [film = '', ...others] = asked.flatMap(({ history }) => history).slice(0, 10);
      const reasons = await one.explain(film, { history: others.filter((id) => id !== film) });
      one.dispose();
      return { info: one.info, lists, reasons };
    },
    [options, questions] as const,
  );
  const answers = questions.map((question, i): Answer => {
    return { ...question, line: lineOf(lists[i] ?? []) };
  });
  return { info, answers, reasons };
}

/** What the native tool answers. */
export function askNatively(
  site: PackageSite,
  model: string,
  questions: readonly Question[],
): Answer[] {
  requireBuilt(TOOL, 'npm run demo');
  return questions.map((question) => {
    const { history, beamWidth } = question;
    const search = beamWidth ? ['--search', 'beam', '--beam', `${beamWidth}`] : [];
    const directory = site.fileOf(model) as string;
    const all = ['recommend', directory, '--json', '--history', history.join(','), ...search];
    const output = execFileSync(join(rootDir, TOOL), all, { ...DEADLINE, encoding: 'utf8' });
    return { ...question, line: lineOf(JSON.parse(output).items) };
  });
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
