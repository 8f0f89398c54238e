// The Cache API in memory, as far as the package uses it.

function makeCache(entries: Map<string, Response>) {
  return {
    match: (url: string) => Promise.resolve(entries.get(url)?.clone()),
    put: (url: string, response: Response) => Promise.resolve(void entries.set(url, response)),
    delete: (url: string) => Promise.resolve(entries.delete(url)),
    keys: () => Promise.resolve([...entries.keys()].map((url) => ({ url }))),
  };
}

/** All caches have the same `entries`. */
export function makeCaches(entries = new Map<string, Response>()) {
  return { open: () => Promise.resolve(makeCache(entries)) };
}
