// A progress bar for whoever watches a terminal.
#ifndef HALFLING_COMPRESSOR_PROGRESS_H_
#define HALFLING_COMPRESSOR_PROGRESS_H_

#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>

namespace halfling {

// Draws on stderr, and only when that is a terminal: logs and pipes stay clean. One stage after the
// other; Advance may be called by any thread.
class Progress {
 public:
  // Silent when not `enabled` or when stderr is no terminal.
  explicit Progress(bool enabled);
  ~Progress() { Finish(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Ends the stage before and begins one of `total` steps.
  void Begin(std::string stage, size_t total);
  void Advance(size_t steps = 1);
  // Removes the bar.
  void Finish();

 private:
  void Draw();

  using Clock = std::chrono::steady_clock;

  const bool visible_;
  std::mutex mutex_;
  std::string stage_;
  size_t done_ = 0;
  size_t total_ = 0;
  Clock::time_point begun_;
  Clock::time_point drawn_;
};

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_PROGRESS_H_
