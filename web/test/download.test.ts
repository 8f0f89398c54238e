import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { fetchVerified, open, readExactly } from '../src/worker/download.js';
import { checkBuild, fetchWasm } from '../src/worker/engine-loader.js';
import { FileServer } from './file-server.js';
import { SHARD, sha256Hex } from './tiny-model.js';

let server: FileServer;
beforeAll(async () => {
  server = await FileServer.start();
});
afterAll(() => server.stop());

const file = { path: 'shard', bytes: SHARD.length, sha256: sha256Hex(SHARD) };
const damaged = Uint8Array.from(SHARD, (byte, i) => (i === 3 ? byte ^ 1 : byte));

describe('readExactly', () => {
  it('puts pieces together and reports each', async () => {
    const pieces = [SHARD.slice(0, 5), SHARD.slice(5, 6), SHARD.slice(6)];
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        const piece = pieces.shift();
        if (piece) controller.enqueue(piece);
        else controller.close();
      },
    });
    const reported: number[] = [];
    const bytes = await readExactly(new Response(body), SHARD.length, (n) => reported.push(n));
    expect(bytes).toEqual(SHARD);
    expect(reported).toEqual([5, 1, SHARD.length - 6]);
  });

  it('refuses a body that ends early', async () => {
    const reading = readExactly(new Response(SHARD), SHARD.length + 1, () => undefined);
    await expect(reading).rejects.toMatchObject({ code: 'truncated-file' });
  });

  it('refuses a body that goes on, without reading it to its end', async () => {
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(1000));
      },
    });
    const reading = readExactly(new Response(endless), 2500, () => undefined);
    await expect(reading).rejects.toMatchObject({ code: 'checksum-mismatch' });
    expect(pulled).toBeLessThan(10);
  });

  it('gives up on a body that says nothing for a minute', async () => {
    vi.useFakeTimers();
    try {
      let cancelled = false;
      const silent = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(SHARD.slice(0, 5)),
        cancel: () => void (cancelled = true),
      });
      const reading = readExactly(new Response(silent), SHARD.length, () => undefined);
      const refused = expect(reading).rejects.toMatchObject({
        code: 'network',
        message: expect.stringContaining('has sent nothing for 60 s'),
      });
      await vi.advanceTimersByTimeAsync(61_000);
      await refused;
      expect(cancelled).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });

  it('accepts an empty file', async () => {
    expect(await readExactly(new Response(null), 0, () => undefined)).toHaveLength(0);
  });
});

describe('fetchVerified', () => {
  it('returns the bytes that the manifest promises, with one request', async () => {
    const url = server.put('/good', { body: SHARD });
    let loaded = 0;
    expect(await fetchVerified(url, file, (n) => (loaded += n))).toMatchObject({ bytes: SHARD });
    expect(loaded).toBe(SHARD.length);
    expect(server.requests.filter((path) => path === '/good')).toHaveLength(1);
  });

  it('asks once more when bytes differ, and takes its progress back', async () => {
    const url = server.put('/stale', { body: damaged }, { body: SHARD });
    let loaded = 0;
    expect(await fetchVerified(url, file, (n) => (loaded += n))).toMatchObject({ bytes: SHARD });
    expect(loaded).toBe(SHARD.length);
    expect(server.cachingOf('/stale')).toEqual([undefined, 'no-cache']);
  });

  it('names file and both hashes when they still differ', async () => {
    const url = server.put('/damaged', { body: damaged });
    const fetching = fetchVerified(url, file, () => undefined);
    await expect(fetching).rejects.toMatchObject({
      code: 'checksum-mismatch',
      message: expect.stringMatching(`${url}.*${sha256Hex(damaged)}.*${file.sha256}`),
    });
  });

  it('reports a missing file with its status, without a second request', async () => {
    const url = server.put('/missing', { body: 'gone', status: 404 });
    const fetching = fetchVerified(url, file, () => undefined);
    await expect(fetching).rejects.toMatchObject({
      code: 'network',
      message: expect.stringContaining(`${url} answered HTTP 404`),
    });
    expect(server.requests.filter((path) => path === '/missing')).toHaveLength(1);
  });

  it('reports a connection that breaks off', async () => {
    const url = server.put('/broken', { body: SHARD, breakAfter: 4 });
    const fetching = fetchVerified(url, file, () => undefined);
    await expect(fetching).rejects.toMatchObject({ code: 'network' });
  });

  it('reports an address where nobody listens', async () => {
    const gone = await FileServer.start();
    const url = gone.put('/model', { body: SHARD });
    await gone.stop();
    await expect(open(url)).rejects.toMatchObject({
      code: 'network',
      message: expect.stringContaining(url),
    });
  });
});

describe('fetchWasm', () => {
  const emptyModule = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

  it('compiles a module whatever its MIME type', async () => {
    const url = server.put('/ok.wasm', { body: emptyModule, type: 'text/plain' });
    const { module, bytes } = await fetchWasm(url);
    expect(module).toBeInstanceOf(WebAssembly.Module);
    expect(bytes).toBe(8);
  });

  it('tells HTML from WebAssembly, naming address and MIME type', async () => {
    const url = server.put('/spa.wasm', {
      body: '<!doctype html>',
      type: 'text/html; charset=utf-8',
    });
    await expect(fetchWasm(url)).rejects.toMatchObject({
      code: 'wasm-not-found',
      message: expect.stringMatching(`${url}.*text/html, 15 bytes.*wasmUrl`),
    });
  });

  it('reports a connection that breaks off', async () => {
    const url = server.put('/cut.wasm', { body: emptyModule, breakAfter: 5 });
    await expect(fetchWasm(url)).rejects.toMatchObject({
      code: 'network',
      message: expect.stringContaining(url),
    });
  });

  it('refuses an empty answer', async () => {
    const url = server.put('/empty.wasm', { body: '' });
    await expect(fetchWasm(url)).rejects.toMatchObject({ code: 'wasm-not-found' });
  });

  it('reports a module that does not compile', async () => {
    const url = server.put('/bad.wasm', { body: Uint8Array.of(0, 0x61, 0x73, 0x6d, 9, 9, 9, 9) });
    await expect(fetchWasm(url)).rejects.toMatchObject({ code: 'wasm-invalid' });
  });
});

describe('checkBuild', () => {
  it('lets the same build pass and names both otherwise', () => {
    expect(() => checkBuild('1', '1', 'x')).not.toThrow();
    expect(() => checkBuild('1', '2', 'https://a.example/halfling.wasm')).toThrowError(
      expect.objectContaining({
        code: 'version-mismatch',
        message: expect.stringMatching('https://a.example/halfling.wasm is of build 2.*build 1'),
      }),
    );
  });
});
