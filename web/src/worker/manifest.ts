// Reads manifest.json and catalog.json, both untrusted: nothing of them is used before its type, its
// range and its place have been checked.

import { HalflingError } from '../errors.js';
import type { CatalogItem, Compression, Evaluation, Interval, Metrics } from '../types.js';

export interface ModelFile {
  /** Relative to the manifest, and below it. */
  readonly path: string;
  readonly bytes: number;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
}

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly shards: readonly ModelFile[];
  readonly catalog: ModelFile;
  readonly totalBytes: number;
  readonly items: number;
  readonly parameters: number;
  readonly linearParameters: number;
  readonly layers: number;
  readonly modelDim: number;
  readonly compression: Compression;
  readonly evaluation: Evaluation | undefined;
}

const CATALOG_PATH = 'catalog.json';
const MAX_FILE_BYTES = 1 << 30;
const MAX_TOTAL_BYTES = 2 ** 31; // of a wasm memory's 4 GiB
const MAX_ITEMS = 10_000_000;
const METRIC_NAMES = ['hr@1', 'hr@5', 'hr@10', 'ndcg@5', 'ndcg@10'] as const;
// Segments of letters, digits, '_', '-' and inner dots: no '..', no scheme, no query, no escapes.
const SAFE_PATH = /^[\w-][\w.-]*(?:\/[\w-][\w.-]*)*$/;

/** An object of a JSON file that knows its own place, so that every complaint can name it. */
class JsonObject {
  readonly #fields: Record<string, unknown>;
  readonly #where: string;

  constructor(value: unknown, where: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new HalflingError('malformed-json', `${where} must be an object.`);
    }
    this.#fields = value as Record<string, unknown>;
    this.#where = where;
  }

  has(field: string): boolean {
    return Object.hasOwn(this.#fields, field) && this.#fields[field] !== null;
  }

  object(field: string): JsonObject {
    return new JsonObject(this.#get(field), `${this.#where}: "${field}"`);
  }

  array(field: string): readonly unknown[] {
    const value = this.#get(field);
    if (!Array.isArray(value)) throw this.#wrong(field, 'an array');
    return value;
  }

  string(field: string): string {
    const value = this.#get(field);
    if (typeof value !== 'string') throw this.#wrong(field, 'a string');
    return value;
  }

  number(field: string): number {
    const value = this.#get(field);
    if (typeof value !== 'number' || !Number.isFinite(value)) throw this.#wrong(field, 'a number');
    return value;
  }

  count(field: string, most: number): number {
    const value = this.number(field);
    if (!Number.isInteger(value) || value < 0) throw this.#wrong(field, 'a whole number');
    if (value > most) {
      throw new HalflingError(
        'too-large',
        `${this.#where}: "${field}" is ${value}, above ${most}.`,
      );
    }
    return value;
  }

  #get(field: string): unknown {
    return Object.hasOwn(this.#fields, field) ? this.#fields[field] : undefined;
  }

  #wrong(field: string, expected: string): HalflingError {
    return new HalflingError('malformed-json', `${this.#where}: "${field}" must be ${expected}.`);
  }
}

function parseFile(text: string, url: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new HalflingError('malformed-json', `${url} is not JSON: ${(error as Error).message}`);
  }
  const file = new JsonObject(value, url);
  const format = file.number('format');
  if (format !== 1) {
    throw new HalflingError(
      'unsupported-version',
      `${url} has format ${format}, this package reads format 1: use the release that wrote it.`,
    );
  }
  return file;
}

function parseModelFile(value: unknown, where: string): ModelFile {
  const file = new JsonObject(value, where);
  const path = file.string('path');
  if (!SAFE_PATH.test(path)) {
    throw new HalflingError(
      'invalid-path',
      `${where}: path ${JSON.stringify(path)} must be relative and stay below the manifest.`,
    );
  }
  const sha256 = file.string('sha256').toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(sha256)) {
    throw new HalflingError('malformed-json', `${where}: "sha256" must be 64 hexadecimal digits.`);
  }
  return { path, bytes: file.count('bytes', MAX_FILE_BYTES), sha256 };
}

function parseInterval(interval: JsonObject): Interval {
  return {
    mean: interval.number('mean'),
    low: interval.number('low'),
    high: interval.number('high'),
  };
}

function parseMetrics(metrics: JsonObject): Metrics {
  const present = METRIC_NAMES.filter((name) => metrics.has(name));
  return Object.fromEntries(present.map((name) => [name, parseInterval(metrics.object(name))]));
}

function parseEvaluation(metrics: JsonObject): Evaluation {
  const change = 'ndcg@10_relative_change';
  return {
    split: metrics.string('split'),
    users: metrics.count('users', Number.MAX_SAFE_INTEGER),
    beam: metrics.count('beam', Number.MAX_SAFE_INTEGER),
    before: parseMetrics(metrics.object('before')),
    after: parseMetrics(metrics.object('after')),
    ...(metrics.has(change) && { ndcg10RelativeChange: parseInterval(metrics.object(change)) }),
  };
}

/** Throws HalflingError: malformed-json, unsupported-version, invalid-path, too-large. */
export function parseManifest(text: string, url: string): Manifest {
  const manifest = parseFile(text, url);
  const files = manifest
    .array('files')
    .map((file, i) => parseModelFile(file, `${url}: "files"[${i}]`));
  const catalog = files.find((file) => file.path === CATALOG_PATH);
  const shards = files.filter((file) => file.path.endsWith('.safetensors'));
  if (!catalog || shards.length === 0) {
    throw new HalflingError(
      'malformed-json',
      `${url}: "files" must list ${CATALOG_PATH} and at least one .safetensors file.`,
    );
  }
  const totalBytes = [catalog, ...shards].reduce((sum, file) => sum + file.bytes, 0);
  if (totalBytes > MAX_TOTAL_BYTES) {
    throw new HalflingError(
      'too-large',
      `${url}: "files" are ${totalBytes} bytes together, above ${MAX_TOTAL_BYTES}.`,
    );
  }
  const model = manifest.object('model');
  const compression = manifest.object('compression');
  return {
    name: manifest.string('name'),
    version: manifest.string('version'),
    shards,
    catalog,
    totalBytes,
    items: model.count('items', MAX_ITEMS),
    parameters: model.count('parameters', Number.MAX_SAFE_INTEGER),
    linearParameters: model.count('linear_parameters', Number.MAX_SAFE_INTEGER),
    layers: model.count('layers', Number.MAX_SAFE_INTEGER),
    modelDim: model.count('model_dim', Number.MAX_SAFE_INTEGER),
    compression: {
      method: compression.string('method'),
      keep: compression.number('keep'),
      dtype: compression.string('dtype'),
    },
    evaluation: manifest.has('metrics') ? parseEvaluation(manifest.object('metrics')) : undefined,
  };
}

function parseItem(value: unknown, where: string): CatalogItem {
  const item = new JsonObject(value, where);
  const optional = (field: string) => (item.has(field) ? { [field]: item.string(field) } : {});
  return {
    id: item.string('id'),
    popularity: item.has('popularity') ? item.number('popularity') : 0,
    ...optional('title'),
    ...optional('category'),
    ...optional('image'),
    ...optional('url'),
  };
}

export interface ParsedCatalog {
  readonly items: CatalogItem[];
  /** As of when the items' popularity is, in ISO 8601, if the file says so. */
  readonly popularityDate: string | undefined;
}

/** Throws HalflingError: malformed-json, unsupported-version, invalid-catalog. */
export function parseCatalog(text: string, url: string, expectedItems: number): ParsedCatalog {
  const file = parseFile(text, url);
  const items = file.array('items').map((item, i) => parseItem(item, `${url}: "items"[${i}]`));
  if (items.length !== expectedItems) {
    throw new HalflingError(
      'invalid-catalog',
      `${url} has ${items.length} items, but the manifest says ${expectedItems}.`,
    );
  }
  const ids = new Set(items.map((item) => item.id));
  if (ids.size !== items.length) {
    throw new HalflingError('invalid-catalog', `${url}: two items have the same id.`);
  }
  const date = file.has('popularity_date') ? file.string('popularity_date') : undefined;
  if (date !== undefined && Number.isNaN(Date.parse(date))) {
    throw new HalflingError(
      'malformed-json',
      `${url}: "popularity_date" is ${JSON.stringify(date)}, it must be a date of ISO 8601.`,
    );
  }
  return { items, popularityDate: date };
}
