// What this build compiles in (kScalar only for tests where that is WebAssembly). Names each
// instruction set once; implementation.cc picks among them.
#ifndef HALFLING_ENGINE_KERNELS_IMPLEMENTATION_LIST_H_
#define HALFLING_ENGINE_KERNELS_IMPLEMENTATION_LIST_H_

#include "engine/kernels/implementation.h"

namespace halfling::kernels {

extern const Implementation kScalar;
#if defined(__x86_64__)
extern const Implementation kSse2;
extern const Implementation kAvx2;
extern const Implementation kAvx512;
#elif defined(__wasm_simd128__)
extern const Implementation kWasm128;
#endif

}  // namespace halfling::kernels

#endif  // HALFLING_ENGINE_KERNELS_IMPLEMENTATION_LIST_H_
