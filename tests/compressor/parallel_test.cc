#include "compressor/parallel.h"

#include <new>
#include <stdexcept>

#include "tests/catch.h"

namespace halfling {

TEST_CASE("every task runs once, whatever the threads") {
  for (const int threads : {1, 2, 5}) {
    std::vector<std::atomic<int>> runs(100);
    ParallelFor(runs.size(), threads, [&](size_t task, size_t) { ++runs[task]; });
    for (const std::atomic<int>& count : runs) CHECK(count == 1);
  }
}

TEST_CASE("what a worker throws arrives at the caller, and ends the work") {
  constexpr size_t kTasks = 1'000'000;
  for (const int threads : {1, 3}) {
    std::atomic<size_t> begun = 0;
    const auto out_of_memory = [&](size_t, size_t) {
      ++begun;
      throw std::bad_alloc();
    };
    CHECK_THROWS_AS(ParallelFor(kTasks, threads, out_of_memory), std::bad_alloc);
    CHECK(begun <= static_cast<size_t>(threads));
  }
  const auto last_throws = [](size_t task, size_t) {
    if (task == 99) throw std::runtime_error("the last task");
  };
  CHECK_THROWS_AS(ParallelFor(100, 4, last_throws), std::runtime_error);
}

}  // namespace halfling
