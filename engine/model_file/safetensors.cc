#include "engine/model_file/safetensors.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

#include "engine/model_file/strict_json.h"

namespace halfling {
namespace {

// Every dtype of the format, so that a checkpoint may carry tensors that the engine never reads.
struct ContainerDType {
  std::string_view name;
  size_t size;
};
constexpr std::array kContainerDTypes = {
    ContainerDType{"F32", 4},  ContainerDType{"F16", 2},     ContainerDType{"BF16", 2},
    ContainerDType{"I32", 4},  ContainerDType{"F64", 8},     ContainerDType{"I64", 8},
    ContainerDType{"U64", 8},  ContainerDType{"U32", 4},     ContainerDType{"I16", 2},
    ContainerDType{"U16", 2},  ContainerDType{"I8", 1},      ContainerDType{"U8", 1},
    ContainerDType{"BOOL", 1}, ContainerDType{"F8_E4M3", 1}, ContainerDType{"F8_E5M2", 1},
};

uint64_t ReadLittleEndian64(std::span<const std::byte> bytes) {
  uint64_t value = 0;
  for (size_t i = kSafetensorsLengthBytes; i-- > 0;)
    value = value << 8 | std::to_integer<uint64_t>(bytes[i]);
  return value;
}

// The header's text and the data after it.
struct Sections {
  std::string_view header;
  std::span<const std::byte> data;
};

Result<Sections> Split(std::span<const std::byte> bytes, const std::string& file) {
  if (bytes.size() < kSafetensorsLengthBytes) {
    return Fail(ErrorCode::kTruncatedFile, file, ": ", bytes.size(),
                " bytes; expected at least the 8 bytes of the header length");
  }
  const uint64_t length = ReadLittleEndian64(bytes);
  const uint64_t remaining = bytes.size() - kSafetensorsLengthBytes;
  if (length == 0) {
    return Fail(ErrorCode::kMalformedHeader, file, ": header length is 0; expected a JSON object");
  }
  if (length > kMaxSafetensorsHeaderBytes) {
    return Fail(ErrorCode::kTooLarge, file, ": header length is ", length, "; expected at most ",
                kMaxSafetensorsHeaderBytes);
  }
  if (length > remaining) {
    return Fail(ErrorCode::kTruncatedFile, file, ": header length is ", length, ", but only ",
                remaining, " bytes follow");
  }
  const auto size = static_cast<size_t>(length);
  return Sections{{reinterpret_cast<const char*>(bytes.data()) + kSafetensorsLengthBytes, size},
                  bytes.subspan(kSafetensorsLengthBytes + size)};
}

Result<std::map<std::string, std::string>> ParseMetadata(const JsonValue& value,
                                                         const std::string& where) {
  const JsonValue::Object* const object = value.AsObject();
  if (object == nullptr) {
    return Fail(ErrorCode::kMalformedJson, where, ": expected an object of strings");
  }
  std::map<std::string, std::string> metadata;
  for (const auto& [key, entry] : *object) {
    const std::string* const text = entry.AsString();
    if (text == nullptr) {
      return Fail(ErrorCode::kMalformedJson, where, ".", Quoted(key), ": expected a string");
    }
    metadata[key] = *text;
  }
  return metadata;
}

Result<Shape> ParseShape(const JsonValue& value, const std::string& where) {
  const JsonValue::Array* const array = value.AsArray();
  if (array == nullptr) {
    return Fail(ErrorCode::kMalformedJson, where, ": expected an array of integers");
  }
  if (array->size() > kMaxTensorRank) {
    return Fail(ErrorCode::kMalformedHeader, where, ": ", array->size(),
                " dimensions; expected at most ", kMaxTensorRank);
  }
  Shape shape;
  for (const JsonValue& dimension : *array) {
    HALFLING_ASSIGN_OR_RETURN(const int64_t size,
                              JsonInteger(dimension, 0, std::numeric_limits<int64_t>::max(), where,
                                          ErrorCode::kMalformedHeader));
    shape.push_back(size);
  }
  return shape;
}

// dtype_size * product(shape), or nothing if that overflows.
std::optional<uint64_t> ByteSize(size_t dtype_size, const Shape& shape) {
  uint64_t bytes = dtype_size;
  for (const int64_t dimension : shape) {
    const auto size = static_cast<uint64_t>(dimension);
    if (size != 0 && bytes > std::numeric_limits<uint64_t>::max() / size) return std::nullopt;
    bytes *= size;
  }
  return bytes;
}

struct Range {
  uint64_t begin = 0;
  uint64_t end = 0;
  std::string_view name;
};

Result<Range> ParseOffsets(const JsonValue& value, uint64_t data_size, const std::string& where) {
  const JsonValue::Array* const array = value.AsArray();
  if (array == nullptr || array->size() != 2) {
    return Fail(ErrorCode::kMalformedJson, where, ": expected an array of two integers");
  }
  std::array<uint64_t, 2> offsets{};
  for (size_t i = 0; i < 2; ++i) {
    HALFLING_ASSIGN_OR_RETURN(const int64_t offset,
                              JsonInteger((*array)[i], 0, std::numeric_limits<int64_t>::max(),
                                          where, ErrorCode::kMalformedHeader));
    offsets[i] = static_cast<uint64_t>(offset);
  }
  if (offsets[0] > offsets[1]) {
    return Fail(ErrorCode::kMalformedHeader, where, ": [", offsets[0], ", ", offsets[1],
                "]; expected begin <= end");
  }
  if (offsets[1] > data_size) {
    return Fail(ErrorCode::kTruncatedFile, where, ": [", offsets[0], ", ", offsets[1],
                "], but only ", data_size, " bytes of data follow the header");
  }
  return Range{offsets[0], offsets[1], {}};
}

// One tensor's entry in the header.
struct Description {
  const ContainerDType* dtype = nullptr;
  Shape shape;
  Range range;
};

Result<Description> ParseDescription(const JsonValue& value, uint64_t data_size,
                                     const std::string& tensor) {
  HALFLING_ASSIGN_OR_RETURN(const JsonValue* const dtype, JsonMember(value, "dtype", tensor));
  HALFLING_ASSIGN_OR_RETURN(const JsonValue* const shape, JsonMember(value, "shape", tensor));
  HALFLING_ASSIGN_OR_RETURN(const JsonValue* const offsets,
                            JsonMember(value, "data_offsets", tensor));
  const std::string* const dtype_name = dtype->AsString();
  if (dtype_name == nullptr) {
    return Fail(ErrorCode::kMalformedJson, tensor, ": dtype: expected a string");
  }
  const auto* known =
      std::find_if(kContainerDTypes.begin(), kContainerDTypes.end(),
                   [&](const ContainerDType& each) { return each.name == *dtype_name; });
  if (known == kContainerDTypes.end()) {
    return Fail(ErrorCode::kUnsupportedDType, tensor, ": dtype: ", Quoted(*dtype_name),
                " is not a safetensors dtype");
  }
  Description description{known, {}, {}};
  HALFLING_ASSIGN_OR_RETURN(description.shape, ParseShape(*shape, tensor + ": shape"));
  HALFLING_ASSIGN_OR_RETURN(description.range,
                            ParseOffsets(*offsets, data_size, tensor + ": data_offsets"));
  const uint64_t span = description.range.end - description.range.begin;
  const std::optional<uint64_t> expected = ByteSize(known->size, description.shape);
  if (!expected || *expected != span) {
    return Fail(ErrorCode::kMalformedHeader, tensor, ": data_offsets span ", span,
                " bytes; expected ", expected ? Concat(*expected) : "more than 2^64", " for ",
                *dtype_name, " ", ShapeToString(description.shape));
  }
  return description;
}

// The format wants the tensors to tile the data: no byte twice, none left over.
Status CheckTiling(std::vector<Range> ranges, uint64_t data_size, const std::string& file) {
  const auto lies_before = [](const Range& a, const Range& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  };
  // A heap sorts as well, in a fifth of std::sort's code.
  std::make_heap(ranges.begin(), ranges.end(), lies_before);
  std::sort_heap(ranges.begin(), ranges.end(), lies_before);
  uint64_t covered = 0;
  for (const Range& range : ranges) {
    if (range.begin != covered) {
      const bool overlaps = range.begin < covered;
      return Fail(ErrorCode::kMalformedHeader, file, ": tensor ", Quoted(range.name),
                  ": data_offsets begin at ", range.begin,
                  (overlaps ? " and overlap another tensor's" : " and leave a hole"), "; expected ",
                  covered);
    }
    covered = range.end;
  }
  if (covered != data_size) {
    return Fail(ErrorCode::kMalformedHeader, file, ": ", data_size - covered,
                " bytes after the last tensor belong to none");
  }
  return {};
}

}  // namespace

Result<SafetensorsFile> SafetensorsFile::Parse(std::span<const std::byte> bytes,
                                               std::string_view file_name) {
  SafetensorsFile file;
  file.file_name_ = std::string(file_name);
  const std::string where = file.file_name_;
  HALFLING_ASSIGN_OR_RETURN(const Sections sections, Split(bytes, where));
  HALFLING_ASSIGN_OR_RETURN(
      const JsonValue header,
      ParseStrictJson(sections.header, Concat(where, ": header"), ErrorCode::kDuplicateTensor));
  const JsonValue::Object* const entries = header.AsObject();
  if (entries == nullptr) {
    return Fail(ErrorCode::kMalformedJson, where, ": header: expected a JSON object");
  }

  std::vector<Range> ranges;
  for (const auto& [name, value] : *entries) {
    if (name == kSafetensorsMetadata) {
      HALFLING_ASSIGN_OR_RETURN(file.metadata_, ParseMetadata(value, Concat(where, ": ", name)));
      continue;
    }
    HALFLING_ASSIGN_OR_RETURN(
        Description description,
        ParseDescription(value, sections.data.size(), Concat(where, ": tensor ", Quoted(name))));
    const Range& range = description.range;
    Entry entry{std::string(description.dtype->name), ParseDType(description.dtype->name),
                std::move(description.shape),
                sections.data.subspan(static_cast<size_t>(range.begin),
                                      static_cast<size_t>(range.end - range.begin))};
    const auto inserted = file.tensors_.emplace(name, std::move(entry)).first;
    ranges.push_back({range.begin, range.end, inserted->first});
  }
  HALFLING_RETURN_IF_ERROR(CheckTiling(std::move(ranges), sections.data.size(), where));
  return file;
}

Result<TensorView> SafetensorsFile::Find(std::string_view name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    return Fail(ErrorCode::kMissingTensor, file_name_, ": no tensor ", Quoted(name));
  }
  const Entry& entry = found->second;
  if (!entry.dtype) {
    return Fail(ErrorCode::kUnsupportedDType, file_name_, ": tensor ", Quoted(name), ": dtype is ",
                entry.dtype_name, "; expected F32, F16, BF16, I8, U8, I16 or I32");
  }
  return TensorView{*entry.dtype, entry.shape, entry.data};
}

bool SafetensorsFile::Has(std::string_view name) const {
  return tensors_.find(name) != tensors_.end();
}

std::vector<std::string> SafetensorsFile::Names() const {
  std::vector<std::string> names;
  names.reserve(tensors_.size());
  for (const auto& [name, entry] : tensors_) names.push_back(name);
  return names;
}

}  // namespace halfling
