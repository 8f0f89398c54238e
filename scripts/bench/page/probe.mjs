// Runs first in every worker that the page starts. Answers the worker's fetches from memory, so that
// loading is measured without a network, and knows how large its WebAssembly memory has become.
const memories = new Set();
let files = new Map(); // address -> {bytes, type}

WebAssembly.Memory = new Proxy(WebAssembly.Memory, {
  construct(target, parameters) {
    const memory = Reflect.construct(target, parameters);
    memories.add(memory);
    return memory;
  },
});
WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
  construct(target, parameters) {
    return keepExports(Reflect.construct(target, parameters));
  },
});
for (const name of ['instantiate', 'instantiateStreaming']) {
  const original = WebAssembly[name];
  WebAssembly[name] = async (...parameters) => {
    const result = await original.apply(WebAssembly, parameters);
    keepExports(result.instance ?? result);
    return result;
  };
}

function keepExports(instance) {
  for (const value of Object.values(instance.exports)) {
    if (Object.prototype.toString.call(value) === '[object WebAssembly.Memory]') {
      memories.add(value);
    }
  }
  return instance;
}

const fetchAnything = globalThis.fetch;
globalThis.fetch = async (input, init) => {
  const file = files.get(String(input.url ?? input));
  if (!file) return fetchAnything(input, init);
  return new Response(file.bytes, { headers: { 'content-type': file.type } });
};

addEventListener('message', (event) => {
  if (event.data?.probe === undefined) return;
  event.stopImmediatePropagation();
  if (event.data.probe === 'files') {
    files = event.data.files;
  } else {
    const bytes = [...memories].reduce((sum, memory) => sum + memory.buffer.byteLength, 0);
    postMessage({ probe: 'memory', bytes });
  }
});
