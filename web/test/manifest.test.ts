import { describe, expect, it } from 'vitest';

import { HalflingError } from '../src/errors.js';
import { parseCatalog, parseManifest } from '../src/worker/manifest.js';
import { CATALOG, tinyManifest } from './tiny-model.js';

const URL = 'https://shop.example/models/tiny/manifest.json';

function errorOf(action: () => unknown): HalflingError {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(HalflingError);
    return error as HalflingError;
  }
  throw new Error('nothing was thrown');
}

/** The error of the tiny manifest with `value` at `path`; undefined takes the field away. */
function manifestError(path: string, value: unknown): HalflingError {
  const manifest: unknown = JSON.parse(JSON.stringify(tinyManifest()));
  const keys = path.split('.');
  const last = keys.pop() as string;
  const parent = keys.reduce((at, key) => (at as Record<string, unknown>)[key], manifest);
  (parent as Record<string, unknown>)[last] = value;
  return errorOf(() => parseManifest(JSON.stringify(manifest), URL));
}

describe('parseManifest', () => {
  it('reads every figure of a manifest', () => {
    const manifest = parseManifest(JSON.stringify(tinyManifest()), URL);
    expect(manifest).toMatchObject({
      name: 'tiny',
      items: 2,
      parameters: 500,
      linearParameters: 400,
      layers: 1,
      modelDim: 8,
      compression: { method: 'od-llm', keep: 0.5, dtype: 'f16' },
    });
    expect(manifest.shards.map((file) => file.path)).toEqual(['model-00001-of-00001.safetensors']);
    expect(manifest.catalog.path).toBe('catalog.json');
    expect(manifest.totalBytes).toBe(tinyManifest().files.reduce((sum, f) => sum + f.bytes, 0));
    expect(manifest.evaluation?.after['ndcg@10']?.mean).toBe(0.11);
    expect(manifest.evaluation?.after['hr@1']).toBeUndefined();
    expect(manifest.evaluation?.ndcg10RelativeChange?.mean).toBe(0.1);
  });

  it('refuses files that are too large together', () => {
    const manifest = tinyManifest();
    const shards = Array.from({ length: 3 }, (_, i) => ({
      ...manifest.files[0],
      path: `model-0000${i}.safetensors`,
      bytes: 2 ** 30,
    }));
    const text = JSON.stringify({ ...manifest, files: [...manifest.files, ...shards] });
    expect(() => parseManifest(text, URL)).toThrow(/bytes together, above/);
  });

  it('does without an evaluation', () => {
    const { metrics: _, ...rest } = tinyManifest();
    expect(parseManifest(JSON.stringify(rest), URL).evaluation).toBeUndefined();
    const nulled = { ...rest, metrics: null };
    expect(parseManifest(JSON.stringify(nulled), URL).evaluation).toBeUndefined();
  });

  it.each([
    '../secret.safetensors',
    'a/../../b.safetensors',
    '/etc/model.safetensors',
    '//evil.example/m.safetensors',
    'https://evil.example/m.safetensors',
    'a\\b.safetensors',
    '%2e%2e/b.safetensors',
    'm.safetensors?x=1',
    'm.safetensors#x',
    './m.safetensors',
    'a//b.safetensors',
    '',
    '.safetensors',
  ])('refuses the path %j', (path) => {
    const error = manifestError('files.0.path', path);
    expect(error.code).toBe('invalid-path');
    expect(error.message).toContain(`${URL}: "files"[0]`);
    expect(error.message).toContain(JSON.stringify(path));
  });

  it('takes a path in a folder below', () => {
    const manifest = tinyManifest();
    manifest.files[0]!.path = 'shards/v1.2/model_1.safetensors';
    expect(parseManifest(JSON.stringify(manifest), URL).shards).toHaveLength(1);
  });

  it.each<[string, unknown, string, string]>([
    ['format', 2, 'unsupported-version', 'format 2'],
    ['format', undefined, 'malformed-json', '"format" must be a number'],
    ['files', {}, 'malformed-json', '"files" must be an array'],
    ['files', [], 'malformed-json', 'must list catalog.json'],
    ['files.0.path', 'other.bin', 'malformed-json', 'at least one .safetensors'],
    ['files.1.path', 'other.json', 'malformed-json', 'must list catalog.json'],
    ['files.0.bytes', -1, 'malformed-json', '"bytes" must be a whole number'],
    ['files.0.bytes', 1.5, 'malformed-json', '"bytes" must be a whole number'],
    ['files.0.bytes', 1e15, 'too-large', '"bytes"'],
    ['files.1.sha256', 'abc', 'malformed-json', '"files"[1]: "sha256"'],
    ['files.1', null, 'malformed-json', '"files"[1] must be an object'],
    ['model', undefined, 'malformed-json', '"model" must be an object'],
    ['model.items', 1e9, 'too-large', '"items"'],
    ['metrics.after.hr@10.low', 'x', 'malformed-json', '"low" must be a number'],
    ['name', undefined, 'malformed-json', '"name" must be a string'],
  ])('names file and field if %s is %j', (path, value, code, text) => {
    const error = manifestError(path, value);
    expect(error.code).toBe(code);
    expect(error.message).toContain(URL);
    expect(error.message).toContain(text);
  });

  it('names the file if it is not JSON', () => {
    const error = errorOf(() => parseManifest('<!doctype html>', URL));
    expect(error.code).toBe('malformed-json');
    expect(error.message).toContain(URL);
  });
});

describe('parseCatalog', () => {
  const text = JSON.stringify(CATALOG);

  it('reads items in order and keeps only what it knows', () => {
    const hostile = {
      ...CATALOG,
      items: [{ ...CATALOG.items[0], onclick: 'x' }, CATALOG.items[1]],
    };
    expect(parseCatalog(JSON.stringify(hostile), URL, 2).items).toEqual(CATALOG.items);
  });

  it('reads the date of the popularity, where there is one', () => {
    const dated = (date: unknown) => JSON.stringify({ ...CATALOG, popularity_date: date });
    expect(parseCatalog(dated('2026-05-01'), URL, 2).popularityDate).toBe('2026-05-01');
    expect(parseCatalog(text, URL, 2).popularityDate).toBeUndefined();
    for (const wrong of ['last week', 20260501]) {
      const error = errorOf(() => parseCatalog(dated(wrong), URL, 2));
      expect(error.code).toBe('malformed-json');
      expect(error.message).toContain('"popularity_date"');
    }
  });

  it('refuses another number of items than the manifest promises', () => {
    const error = errorOf(() => parseCatalog(text, URL, 3));
    expect(error.code).toBe('invalid-catalog');
    expect(error.message).toContain('has 2 items');
  });

  it('refuses two items of one id', () => {
    const twice = { format: 1, items: [CATALOG.items[0], CATALOG.items[0]] };
    expect(errorOf(() => parseCatalog(JSON.stringify(twice), URL, 2)).code).toBe('invalid-catalog');
  });

  it('refuses a title that is not text', () => {
    const wrong = { format: 1, items: [{ id: 'a', title: { html: '<b>' } }] };
    const error = errorOf(() => parseCatalog(JSON.stringify(wrong), URL, 1));
    expect(error.code).toBe('malformed-json');
    expect(error.message).toContain('"items"[0]: "title" must be a string');
  });
});
