# loomcache_add_plugin(<name> <source>... [LIBS <library>...])
#
# Builds <name>.so, a LoomCache plugin: hidden visibility, no lib prefix, and nothing to include but
# <loomcache/...> and what the LIBS bring. The same function serves the plugins of this tree and,
# installed with find_package(LoomCache), everybody else's.
#   in this tree   the file lies in <build>/plugins/ and is installed beside the other plugins
#   elsewhere      it lies in the current binary directory; copy it to a folder on [plugins] path
function(loomcache_add_plugin name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LIBS")
    if(NOT arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "loomcache_add_plugin(${name}): name at least one source file")
    endif()
    add_library(${name} MODULE ${arg_UNPARSED_ARGUMENTS})
    set_target_properties(${name} PROPERTIES
        PREFIX ""
        C_VISIBILITY_PRESET hidden
        CXX_VISIBILITY_PRESET hidden
        VISIBILITY_INLINES_HIDDEN ON)
    target_link_libraries(${name} PRIVATE LoomCache::headers ${arg_LIBS})
    if(NOT LOOM_SANITIZE)
        # A missing symbol fails here, not at dlopen.
        target_link_options(${name} PRIVATE -Wl,-z,defs)
    endif()
    if(TARGET loom_core)
        set_target_properties(${name} PROPERTIES
            C_STANDARD 11 C_EXTENSIONS ON
            LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/plugins)
        target_compile_options(${name} PRIVATE
            -Wall -Wextra -Wshadow -Wvla
            $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes -Wmissing-prototypes>
            $<$<BOOL:${LOOM_WERROR}>:-Werror>)
        install(TARGETS ${name} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/loomcache/plugins)
    endif()
endfunction()
