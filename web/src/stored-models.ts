// How models lie in the Cache API, for the worker, which fills it, and the page, which looks after
// it. Each model has a cache of its own: the manifest under its own address, and each file under an
// address that holds its checksum. The manifest is put last, so what has one is whole.

const PREFIX = 'halfling-model ';

export function cacheName(manifestUrl: string): string {
  return PREFIX + manifestUrl;
}

/** undefined for a cache that is not ours. */
export function manifestUrlOf(name: string): string | undefined {
  return name.startsWith(PREFIX) ? name.slice(PREFIX.length) : undefined;
}
