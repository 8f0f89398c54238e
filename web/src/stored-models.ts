// How models lie in the Cache API, for the worker, which fills it, and the page, which looks after
// it. Each model has a cache of its own, where everything is below the manifest's address, at places
// that no page asks for: a service worker that answers from all caches of its site must not find any.
// A file's place holds its checksum. The manifest is put last, so what has one is whole.

const PREFIX = 'halfling-model ';

export function cacheName(manifestUrl: string): string {
  return PREFIX + manifestUrl;
}

/** undefined for a cache that is not ours. */
export function manifestUrlOf(name: string): string | undefined {
  return name.startsWith(PREFIX) ? name.slice(PREFIX.length) : undefined;
}

function keyBelow(manifestUrl: string, place: string): string {
  const url = new URL(manifestUrl);
  url.pathname += `/halfling/${place}`;
  return url.href;
}

export function manifestKey(manifestUrl: string): string {
  return keyBelow(manifestUrl, 'manifest');
}

export function fileKey(manifestUrl: string, file: { path: string; sha256: string }): string {
  return keyBelow(manifestUrl, `${file.sha256}/${file.path}`);
}
