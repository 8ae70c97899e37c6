# The CMake package of tinyc: networks from ONNX files as sources of a target.
#
#   find_package(tinyc REQUIRED)
#   tinyc_add_model(<target> MODEL <file.onnx> [NAME <name>] [ARGS <argument>...])
#
# Compiles the model to NAME.c and NAME.h in the current binary directory and adds them to the target,
# which becomes a static library if it does not exist; the header's folder becomes a PUBLIC include
# directory of it. NAME, by default the target's, begins every name in the C code. ARGS are options of
# tinyc, such as --target cortex-m4; a file among them needs its full path, such as
# --selftest=${CMAKE_CURRENT_SOURCE_DIR}/samples.npz. An existing target must have been made in the same
# directory.
#
# The C code is made anew when the model, a file that the model or an option refers to, or tinyc itself
# has changed. TINYC_EXECUTABLE, a cache variable, is the program that makes it: one of the machine that
# builds, also when cross compiling.
#
# `tinyc integration cmake` prints this file. It needs CMake 3.20, and of generators Ninja, Makefiles,
# Xcode or Visual Studio from CMake 3.21.

if(CMAKE_VERSION VERSION_LESS 3.20)
  set(tinyc_FOUND FALSE)
  set(tinyc_NOT_FOUND_MESSAGE "the tinyc package needs CMake 3.20")
  return()
endif()

cmake_policy(PUSH)
cmake_policy(VERSION 3.20)

find_program(TINYC_EXECUTABLE tinyc
  HINTS "$ENV{CARGO_HOME}/bin" "$ENV{HOME}/.cargo/bin"
  DOC "The tinyc compiler"
  NO_CMAKE_FIND_ROOT_PATH)
if(NOT TINYC_EXECUTABLE)
  set(tinyc_FOUND FALSE)
  set(tinyc_NOT_FOUND_MESSAGE "there is no program tinyc; set TINYC_EXECUTABLE to its path")
  cmake_policy(POP)
  return()
endif()

function(tinyc_add_model target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "MODEL;NAME" "ARGS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "tinyc_add_model(${target}): unknown arguments: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT arg_MODEL)
    message(FATAL_ERROR "tinyc_add_model(${target}): no MODEL")
  endif()
  if(NOT arg_NAME)
    string(MAKE_C_IDENTIFIER "${target}" arg_NAME)
  endif()
  get_filename_component(model "${arg_MODEL}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_SOURCE_DIR}")
  set(base "${CMAKE_CURRENT_BINARY_DIR}/${arg_NAME}")
  set(outputs "${base}.c" "${base}.h")
  if("${arg_ARGS}" MATCHES "--weights[=;]bin")
    # The assembler reads this file as part of the source, which no depfile of the C compiler tells.
    set(weights "${base}_weights.bin")
    list(APPEND outputs "${weights}")
    string(TOUPPER "${arg_NAME}" upper)
    set_source_files_properties("${base}.c" PROPERTIES
      OBJECT_DEPENDS "${weights}"
      COMPILE_DEFINITIONS "${upper}_WEIGHTS_FILE=\"${weights}\"")
  endif()

  add_custom_command(
    OUTPUT ${outputs}
    COMMAND "${TINYC_EXECUTABLE}" "${model}" -o "${base}.c" --name "${arg_NAME}"
            -MD -MF "${base}.c.d" ${arg_ARGS}
    DEPENDS "${model}" "${TINYC_EXECUTABLE}"
    DEPFILE "${base}.c.d"
    COMMENT "Compiling ${arg_MODEL} to ${arg_NAME}.c"
    VERBATIM)

  if(TARGET "${target}")
    get_target_property(directory "${target}" SOURCE_DIR)
    if(NOT directory STREQUAL CMAKE_CURRENT_SOURCE_DIR)
      message(FATAL_ERROR "tinyc_add_model(${target}): the target was made in ${directory}; call it there")
    endif()
    target_sources("${target}" PRIVATE "${base}.c" "${base}.h")
  else()
    add_library("${target}" STATIC "${base}.c" "${base}.h")
  endif()
  target_include_directories("${target}" PUBLIC "${CMAKE_CURRENT_BINARY_DIR}")
endfunction()

cmake_policy(POP)
