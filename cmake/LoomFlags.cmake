# What every target of this tree is compiled with: the interface target loom_flags.
# GCC and Clang only. x86-64 baseline: no -march, so a binary runs where it was not built.
add_library(loom_flags INTERFACE)
target_include_directories(loom_flags INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
target_compile_definitions(loom_flags INTERFACE _GNU_SOURCE)
target_compile_options(loom_flags INTERFACE
    -Wall -Wextra -Wshadow -Wvla -fno-common -fno-omit-frame-pointer
    -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=  # __FILE__ names core/..., wherever it was built
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes -Wmissing-prototypes>)
if(LOOM_WERROR)
    target_compile_options(loom_flags INTERFACE -Werror)
endif()

# Position independent executables; -fPIE and not -fPIC, so that calls inside core can be inlined.
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)
if(CMAKE_C_LINK_PIE_SUPPORTED)
    target_compile_options(loom_flags INTERFACE
        $<$<NOT:$<STREQUAL:$<TARGET_PROPERTY:TYPE>,MODULE_LIBRARY>>:-fPIE>)
    target_link_options(loom_flags INTERFACE
        $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-pie>)
endif()
target_link_options(loom_flags INTERFACE -Wl,-z,relro,-z,now)

if(LOOM_SANITIZE)
    add_compile_options(-fsanitize=${LOOM_SANITIZE} -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${LOOM_SANITIZE})
endif()

set(LOOM_LTO_USED OFF)
if(LOOM_LTO)
    include(CheckIPOSupported)
    check_ipo_supported(RESULT LOOM_LTO_USED OUTPUT why LANGUAGES C)
    if(NOT LOOM_LTO_USED)
        message(WARNING "this compiler cannot optimise at link time, building without: ${why}")
    endif()
endif()

# What a plugin sees of us: the public headers and nothing else. Exported for plugin authors.
add_library(loomcache_headers INTERFACE)
add_library(LoomCache::headers ALIAS loomcache_headers)
set_target_properties(loomcache_headers PROPERTIES EXPORT_NAME headers)
target_include_directories(loomcache_headers INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
