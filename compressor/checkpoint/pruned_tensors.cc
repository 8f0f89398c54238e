#include "compressor/checkpoint/pruned_tensors.h"

#include <algorithm>
#include <utility>

#include "engine/model/weights.h"

namespace halfling {

Result<PrunedTensors> PrunedTensors::Create(const TensorSource& source,
                                            const std::vector<int>& rows) {
  PrunedTensors tensors(source);
  for (const std::string_view name : {kEmbeddingTensor, kHeadTensor}) {
    if (source.Has(name)) HALFLING_RETURN_IF_ERROR(tensors.Gather(name, rows));
  }
  return tensors;
}

Status PrunedTensors::Gather(std::string_view name, const std::vector<int>& rows) {
  HALFLING_ASSIGN_OR_RETURN(const TensorView whole, source_->Find(name));
  const int64_t last = rows.empty() ? -1 : *std::ranges::max_element(rows);
  if (whole.shape.size() != 2 || whole.shape[0] <= last) {
    return Fail(ErrorCode::kShapeMismatch,
                std::string(name) + ": shape is " + ShapeToString(whole.shape) +
                    "; expected two sizes, the first at least " + std::to_string(last + 1));
  }
  const auto row_bytes = static_cast<size_t>(whole.shape[1]) * DTypeSize(whole.dtype);
  Gathered gathered{whole.dtype, {static_cast<int64_t>(rows.size()), whole.shape[1]}, {}};
  gathered.data.reserve(rows.size() * row_bytes);
  for (const int row : rows) {
    const auto bytes = whole.data.subspan(static_cast<size_t>(row) * row_bytes, row_bytes);
    gathered.data.insert(gathered.data.end(), bytes.begin(), bytes.end());
  }
  gathered_.emplace(name, std::move(gathered));
  return {};
}

Result<TensorView> PrunedTensors::Find(std::string_view name) const {
  const auto found = gathered_.find(name);
  if (found == gathered_.end()) return source_->Find(name);
  return TensorView{found->second.dtype, found->second.shape, found->second.data};
}

}  // namespace halfling
