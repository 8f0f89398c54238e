// Starts the engines' workers with probe.mjs in them.
const OriginalWorker = globalThis.Worker;
let started; // called with each worker, before anything is sent to it

globalThis.Worker = class extends OriginalWorker {
  constructor(script, options) {
    super(probed(new URL(script, document.baseURI)), { ...options, type: 'module' });
    started?.(this);
  }
};

/** A worker's script that imports the probe and then `script`. */
function probed(script) {
  if (script.protocol !== 'blob:') return `/probed.mjs?script=${encodeURIComponent(script.href)}`;
  const probe = new URL('/bench/probe.mjs', document.baseURI).href;
  const code = `import ${JSON.stringify(probe)};\nimport ${JSON.stringify(script.href)};`;
  return URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
}

/**
 * @param {Map<string, {bytes: ArrayBuffer, type: string}>} files what the worker finds at addresses
 * @param {() => Promise<T>} create starts one worker
 * @returns {Promise<[T, () => Promise<number>]>} its result, and what asks for the bytes of the
 *   worker's WebAssembly memory, which never shrinks
 * @template T
 */
export async function withProbe(files, create) {
  let worker;
  started = (newest) => {
    worker = newest;
    const buffers = [...files.values()].map(({ bytes }) => bytes);
    worker.postMessage({ probe: 'files', files }, buffers);
  };
  try {
    const result = await create();
    return [result, () => askForMemory(worker)];
  } finally {
    started = undefined;
  }
}

function askForMemory(worker) {
  return new Promise((resolve) => {
    worker.addEventListener('message', function listen(event) {
      if (event.data?.probe !== 'memory') return;
      worker.removeEventListener('message', listen);
      resolve(event.data.bytes);
    });
    worker.postMessage({ probe: 'memory' });
  });
}
