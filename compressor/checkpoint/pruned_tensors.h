// A checkpoint's tensors with only those rows of embedding and head that are used.
#ifndef HALFLING_COMPRESSOR_CHECKPOINT_PRUNED_TENSORS_H_
#define HALFLING_COMPRESSOR_CHECKPOINT_PRUNED_TENSORS_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor/tensor.h"

namespace halfling {

// Row i of the embedding (and of the head, where there is one) is row rows[i] of the source's; all
// other tensors are the source's own.
class PrunedTensors : public TensorSource {
 public:
  // kShapeMismatch where a matrix is not two-dimensional or does not have all rows. `source` must
  // outlive it.
  static Result<PrunedTensors> Create(const TensorSource& source, const std::vector<int>& rows);

  Result<TensorView> Find(std::string_view name) const override;
  bool Has(std::string_view name) const override { return source_->Has(name); }

 private:
  struct Gathered {
    DType dtype;
    Shape shape;
    std::vector<std::byte> data;
  };

  explicit PrunedTensors(const TensorSource& source) : source_(&source) {}

  Status Gather(std::string_view name, const std::vector<int>& rows);

  const TensorSource* source_;
  std::map<std::string, Gathered, std::less<>> gathered_;
};

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_CHECKPOINT_PRUNED_TENSORS_H_
