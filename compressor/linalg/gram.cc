#include "compressor/linalg/gram.h"

#include "compressor/linalg/matrices.h"

namespace halfling {
namespace {

constexpr Eigen::Index kBufferedTokens = 256;

}  // namespace

void GramAccumulator::Add(const Matrix& x) {
  const auto tokens = static_cast<Eigen::Index>(x.rows());
  const auto n = static_cast<Eigen::Index>(x.cols());
  if (lower_.size() == 0) {
    lower_.setZero(n, n);
    buffer_.resize(n, kBufferedTokens);
  }
  for (Eigen::Index done = 0; done < tokens;) {
    const Eigen::Index count = std::min(kBufferedTokens - buffered_, tokens - done);
    buffer_.middleCols(buffered_, count) =
        AsEigen(x).middleRows(done, count).transpose().cast<double>();
    buffered_ += count;
    done += count;
    if (buffered_ == kBufferedTokens) Flush();
  }
}

void GramAccumulator::Merge(GramAccumulator& other) {
  other.Flush();
  Flush();
  if (lower_.size() == 0) {
    lower_ = other.lower_;
    buffer_.resize(lower_.rows(), kBufferedTokens);
  } else if (other.lower_.size() != 0) {
    lower_ += other.lower_;
  }
  other = GramAccumulator();
}

Eigen::MatrixXd GramAccumulator::Sum() {
  Flush();
  return lower_.selfadjointView<Eigen::Lower>();
}

void GramAccumulator::Flush() {
  if (buffered_ == 0) return;
  lower_.selfadjointView<Eigen::Lower>().rankUpdate(buffer_.leftCols(buffered_));
  buffered_ = 0;
}

}  // namespace halfling
