// The builds of the engine's JavaScript half, put in place by scripts/build.mjs.
declare module '#engine/baseline' {
  const factory: import('./engine-module.js').ModuleFactory;
  export default factory;
}
declare module '#engine/relaxed' {
  const factory: import('./engine-module.js').ModuleFactory;
  export default factory;
}
declare module '#engine/threads' {
  const factory: import('./engine-module.js').ModuleFactory;
  export default factory;
}
