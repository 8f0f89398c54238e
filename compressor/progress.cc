#include "compressor/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace halfling {
namespace {

constexpr size_t kBarWidth = 30;
constexpr std::chrono::milliseconds kRedrawInterval{100};
constexpr char kEraseLine[] = "\r\033[K";

}  // namespace

Progress::Progress(bool enabled) : visible_(enabled && isatty(STDERR_FILENO) != 0) {}

void Progress::Begin(std::string stage, size_t total) {
  const std::scoped_lock lock(mutex_);
  stage_ = std::move(stage);
  done_ = 0;
  total_ = total;
  begun_ = Clock::now();
  drawn_ = {};
  Draw();
}

void Progress::Advance(size_t steps) {
  const std::scoped_lock lock(mutex_);
  done_ += steps;
  Draw();
}

void Progress::Finish() {
  const std::scoped_lock lock(mutex_);
  if (visible_ && total_ > 0) {
    std::fputs(kEraseLine, stderr);
    std::fflush(stderr);
  }
  total_ = 0;
}

void Progress::Draw() {
  const Clock::time_point now = Clock::now();
  if (!visible_ || total_ == 0 || now - drawn_ < kRedrawInterval) return;
  drawn_ = now;

  const double share = static_cast<double>(done_) / static_cast<double>(total_);
  const double elapsed = std::chrono::duration<double>(now - begun_).count();
  const auto filled = static_cast<size_t>(share * static_cast<double>(kBarWidth));
  std::string bar(std::min(filled, kBarWidth), '#');
  bar.resize(kBarWidth, '.');
  std::fprintf(stderr, "%s%s [%s] %zu/%zu", kEraseLine, stage_.c_str(), bar.c_str(), done_, total_);
  if (done_ > 0) std::fprintf(stderr, ", %.0f s left", elapsed / share - elapsed);
  std::fflush(stderr);
}

}  // namespace halfling
