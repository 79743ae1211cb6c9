# The libraries that core may use: the interface target loom_dependencies.
# Plugins do not get these; they name their own (LIBS in loomcache_add_plugin).
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(LIBUV REQUIRED IMPORTED_TARGET libuv>=1.44)
pkg_check_modules(INIH REQUIRED IMPORTED_TARGET inih)
pkg_check_modules(LZ4 REQUIRED IMPORTED_TARGET liblz4>=1.9)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash>=0.8)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis>=0.14)  # only loomctl's

add_library(loom_dependencies INTERFACE)
target_link_libraries(loom_dependencies INTERFACE
    PkgConfig::LIBUV PkgConfig::INIH PkgConfig::LZ4 PkgConfig::XXHASH
    Threads::Threads ${CMAKE_DL_LIBS} m)

if(LOOM_JEMALLOC)
    pkg_check_modules(JEMALLOC REQUIRED IMPORTED_TARGET jemalloc>=5.2)
    # Also into programs that never name malloc themselves: their libraries allocate too.
    target_link_libraries(loom_dependencies INTERFACE
        -Wl,--push-state,--no-as-needed PkgConfig::JEMALLOC -Wl,--pop-state)
    target_compile_definitions(loom_dependencies INTERFACE LOOM_JEMALLOC=1)
endif()

# Raft is asked for as soon as the one file that may include it is there.
file(GLOB gate CONFIGURE_DEPENDS core/replica/gate.c)
if(gate)
    pkg_check_modules(RAFT REQUIRED IMPORTED_TARGET raft>=0.22)
    target_link_libraries(loom_dependencies INTERFACE PkgConfig::RAFT)
endif()

# Where an installed loomcache finds its plugins, seen from the folder of the program itself: the
# installed tree may be moved or unpacked anywhere.
file(RELATIVE_PATH LOOM_PLUGINS_FROM_BIN
     ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR}/loomcache/plugins)
target_compile_definitions(loom_dependencies INTERFACE
    LOOM_VERSION="${PROJECT_VERSION}" LOOM_PLUGINS_FROM_BIN="${LOOM_PLUGINS_FROM_BIN}")
