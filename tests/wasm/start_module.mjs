// The wasm module in Node as the package's worker starts it: compiled elsewhere, handed in.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";

/**
 * @param {string} modulePath of halfling.mjs, its wasm beside it
 * @param {number} [helpers] workers for threads beside the caller's own; threaded builds alone have any
 * @returns {Promise<{module: object, memory: WebAssembly.Memory}>} `memory` shows what the heap has
 *   grown to
 */
export async function startModule(modulePath, helpers = 0) {
  const { default: createModule } = await import(pathToFileURL(path.resolve(modulePath)).href);
  const wasm = await WebAssembly.compile(await readFile(modulePath.replace(/\.mjs$/, ".wasm")));
  let memory;
  const module = await createModule({
    helpers,
    instantiateWasm(imports, receive) {
      const instance = new WebAssembly.Instance(wasm, imports);
      const things = [instance.exports, ...Object.values(imports)].flatMap(Object.values);
      memory = things.find((it) => it instanceof WebAssembly.Memory);
      receive(instance, wasm);
      return instance.exports;
    },
  });
  return { module, memory };
}
