// How a weight matrix NAME lies in a file's tensors: layout, reader and writer side by side.
//
//   floats  NAME        F32, F16 or BF16 [rows, cols]
//   int8    NAME        I8  [rows, cols]             -127 … 127
//           NAME_scale  F32 [rows]                   value = integer * scale of its row
//   int4    NAME        U8  [rows, ceil(cols / 2)]   integer + 8, within 1 … 15, two to a byte:
//                                                    the even column low; an unused half is 8
//           NAME_scale  F16 [rows, ceil(cols / 32)]  value = integer * scale of its group
// Scales are finite and not negative, and 0 only where all of their integers are.
// And how numbers of tokens, items or rows do: I16 where that holds them all, else I32.
#ifndef HALFLING_ENGINE_MODEL_FILE_STORED_TENSORS_H_
#define HALFLING_ENGINE_MODEL_FILE_STORED_TENSORS_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/model_file/safetensors.h"
#include "engine/tensor/stored_matrix.h"

namespace halfling {

// The tensor `name`, which must have `shape`: else kShapeMismatch.
Result<TensorView> FindShaped(const TensorSource& source, const std::string& name,
                              const Shape& shape);

// The matrix `name` of the given sizes, in whichever form it is there. Errors name the tensor and
// what was expected: kMissingTensor, kUnsupportedDType, kShapeMismatch; kNonFiniteWeight for floats
// and scales; kInvalidWeight for integers and scales outside their range.
Result<StoredMatrix> ReadStoredMatrix(const TensorSource& source, const std::string& name,
                                      int64_t rows, int64_t cols);

// The inverse: appends the tensor or tensors of `matrix`. `dtype` is for floats alone.
void AppendStoredMatrix(const std::string& name, const StoredMatrix& matrix, DType dtype,
                        std::vector<NamedTensor>& tensors);

NamedTensor IndexTensor(std::string name, Shape shape, std::span<const int> values);

}  // namespace halfling

#endif  // HALFLING_ENGINE_MODEL_FILE_STORED_TENSORS_H_
