# Run as a script: writes OUTPUT, a C++ source that defines INPUTS' bytes as std::string_view
# constants of namespace halfling, named by NAMES, as HEADER declares them.
#   cmake -DOUTPUT=… -DHEADER=… -DNAMES=a,b -DINPUTS=file,file -P embed_files.cmake

string(REPLACE "," ";" names "${NAMES}")
string(REPLACE "," ";" inputs "${INPUTS}")
set(source "// Written by cmake/embed_files.cmake.\n#include \"${HEADER}\"\n\nnamespace halfling {\n")
foreach(name input IN ZIP_LISTS names inputs)
  file(READ "${input}" hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
  string(APPEND source "static constexpr char ${name}Bytes[] = {${bytes}'\\0'};\n"
                       "const std::string_view ${name}(${name}Bytes, sizeof(${name}Bytes) - 1);\n")
endforeach()
string(APPEND source "}  // namespace halfling\n")
file(WRITE "${OUTPUT}" "${source}")
