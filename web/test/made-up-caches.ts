// The Cache API in memory, as far as the package uses it.

function makeCache() {
  const entries = new Map<string, Response>();
  return {
    match: (url: string) => Promise.resolve(entries.get(url)?.clone()),
    put: (url: string, response: Response) => Promise.resolve(void entries.set(url, response)),
    delete: (url: string) => Promise.resolve(entries.delete(url)),
    keys: () => Promise.resolve([...entries.keys()].map((url) => ({ url }))),
  };
}

export function makeCaches() {
  const caches = new Map<string, ReturnType<typeof makeCache>>();
  return {
    open(name: string) {
      const cache = caches.get(name) ?? makeCache();
      caches.set(name, cache);
      return Promise.resolve(cache);
    },
  };
}
