#include "engine/kernels/implementation.h"

#include <atomic>
#include <vector>

#include "engine/kernels/implementation_list.h"

namespace halfling::kernels {
namespace {

// The fastest first.
constexpr const Implementation* kCompiledIn[] = {
#if defined(__wasm_simd128__)
    &kWasm128,
#else
#if defined(__x86_64__)
    &kAvx512, &kAvx2, &kSse2,
#endif
    &kScalar,
#endif
};

std::vector<const Implementation*> FindAvailable() {
  std::vector<const Implementation*> available;
  for (const Implementation* implementation : kCompiledIn) {
    if (implementation->is_supported()) available.push_back(implementation);
  }
  return available;
}

std::atomic<const Implementation*>& Active() {
  static std::atomic<const Implementation*> active = AvailableImplementations().front();
  return active;
}

}  // namespace

std::span<const Implementation* const> AvailableImplementations() {
  static const std::vector<const Implementation*> available = FindAvailable();
  return available;
}

const Implementation& ActiveImplementation() {
  return *Active().load(std::memory_order_relaxed);
}

bool UseImplementation(std::string_view name) {
  for (const Implementation* implementation : AvailableImplementations()) {
    if (name == implementation->name) {
      Active().store(implementation, std::memory_order_relaxed);
      return true;
    }
  }
  return false;
}

}  // namespace halfling::kernels
