/** One id for script, worker and wasm of a build; put in place by scripts/build.mjs. */
declare const __BUILD_ID__: string;
