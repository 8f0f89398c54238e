#include "compressor/linalg/gram.h"

#include <algorithm>
#include <vector>

#include "compressor/parallel.h"

namespace halfling {
namespace {

// A tile of the sum and its two strips of tokens stay in the second-level cache.
constexpr Eigen::Index kTile = 128;

struct Tile {
  Eigen::Index row;
  Eigen::Index col;
};

void AddTiles(const std::vector<Tile>& tiles, const TokenMatrix& x, const TokenMatrix& y,
              int threads, Eigen::MatrixXd& sum) {
  ParallelFor(tiles.size(), threads, [&](size_t i, size_t) {
    const auto [row, col] = tiles[i];
    const Eigen::Index rows = std::min(kTile, sum.rows() - row);
    const Eigen::Index cols = std::min(kTile, sum.cols() - col);
    sum.block(row, col, rows, cols).noalias() +=
        x.middleCols(row, rows).transpose() * y.middleCols(col, cols);
  });
}

}  // namespace

void AddProduct(const TokenMatrix& x, const TokenMatrix& y, int threads, Eigen::MatrixXd& sum) {
  std::vector<Tile> tiles;
  for (Eigen::Index row = 0; row < sum.rows(); row += kTile) {
    for (Eigen::Index col = 0; col < sum.cols(); col += kTile) tiles.push_back({row, col});
  }
  AddTiles(tiles, x, y, threads, sum);
}

void AddGram(const TokenMatrix& x, int threads, Eigen::MatrixXd& sum) {
  std::vector<Tile> tiles;
  for (Eigen::Index row = 0; row < sum.rows(); row += kTile) {
    for (Eigen::Index col = 0; col <= row; col += kTile) tiles.push_back({row, col});
  }
  AddTiles(tiles, x, x, threads, sum);
}

void MirrorLower(Eigen::MatrixXd& symmetric) {
  symmetric = Eigen::MatrixXd(symmetric.selfadjointView<Eigen::Lower>());
}

}  // namespace halfling
