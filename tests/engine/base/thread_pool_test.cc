#include "engine/base/thread_pool.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <vector>

#include "tests/catch.h"

namespace halfling {
namespace {

TEST_CASE("A pool has the threads that it is asked for, its caller among them") {
  for (const size_t threads : {1, 2, 3, 4}) {
    CHECK(ThreadPool(threads).threads() == std::min(threads, ThreadPool::kMostThreads));
  }
}

TEST_CASE("Every part is run once, and what it wrote is there when Run returns") {
  for (const size_t threads : {1, 2, 3, 4}) {
    ThreadPool pool(threads);
    std::vector<size_t> sums(pool.threads());
    for (size_t round = 1; round <= 3000; ++round) {
      const size_t parts = 1 + round % pool.threads();
      pool.Run(parts, [&](size_t part) { sums[part] += round; });
    }
    std::vector<size_t> expected(pool.threads());
    for (size_t round = 1; round <= 3000; ++round) {
      for (size_t part = 0; part <= round % pool.threads(); ++part) expected[part] += round;
    }
    CHECK(sums == expected);
  }
}

#if HALFLING_THREADS

void WaitFor(const std::atomic<int>& count, int wanted) {
  while (count < wanted) {
  }
}

TEST_CASE("Parts run at the same time") {
  ThreadPool pool(3);
  std::atomic<int> begun = 0;
  pool.Run(3, [&](size_t) {
    ++begun;
    WaitFor(begun, 3);  // for ever, if one thread ran all
  });
  CHECK(begun == 3);
}

TEST_CASE("A pool wakes up after a pause") {
  ThreadPool pool(2);
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    std::atomic<int> begun = 0;
    pool.Run(2, [&](size_t) {
      ++begun;
      WaitFor(begun, 2);
    });
    CHECK(begun == 2);
  }
}

TEST_CASE("A thread that is held up holds up no part that it has not begun") {
  ThreadPool pool(3);
  std::array<std::atomic<int>, 3> runs = {};
  std::atomic<int> others = 0;
  pool.Run(3, [&](size_t part) {
    ++runs[part];
    if (part == 2) {
      WaitFor(others, 2);  // whoever has this one, the rest run the others
    } else {
      ++others;
    }
  });
  for (const auto& count : runs) CHECK(count == 1);
}

TEST_CASE("A pool may end at any time between two Runs, also before its threads have begun") {
  for (int round = 0; round < 50; ++round) {
    ThreadPool pool(4);
    if (round % 2 == 0) pool.Run(4, [](size_t) {});
  }
}

#endif

}  // namespace
}  // namespace halfling
