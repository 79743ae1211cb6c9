# make install: programs and plugins are installed where they are declared; here is the rest.
include(CMakePackageConfigHelpers)

install(DIRECTORY include/loomcache DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h")
install(TARGETS loomcache_headers EXPORT LoomCacheTargets)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/LoomCache)
install(EXPORT LoomCacheTargets NAMESPACE LoomCache:: DESTINATION ${package_dir})
configure_package_config_file(include/cmake/LoomCacheConfig.cmake.in
    ${PROJECT_BINARY_DIR}/LoomCacheConfig.cmake INSTALL_DESTINATION ${package_dir}
    PATH_VARS CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/LoomCacheConfigVersion.cmake
    COMPATIBILITY SameMajorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/LoomCacheConfig.cmake
              ${PROJECT_BINARY_DIR}/LoomCacheConfigVersion.cmake
              cmake/LoomCachePlugin.cmake
        DESTINATION ${package_dir})

file(RELATIVE_PATH LOOM_PREFIX_FROM_PC
     ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" LOOM_PREFIX_FROM_PC "${LOOM_PREFIX_FROM_PC}")
configure_file(include/cmake/loomcache.pc.in ${PROJECT_BINARY_DIR}/loomcache.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/loomcache.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# The commented original goes to share/ every time; the administrator's own file is made from it
# once.
file(GLOB configs CONFIGURE_DEPENDS config/*.ini)
install(FILES ${configs} DESTINATION ${CMAKE_INSTALL_DATADIR}/loomcache)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(CODE "set(loom_original \"${PROJECT_SOURCE_DIR}/config/loomcache.ini\")")
install(SCRIPT cmake/LoomInstallConfig.cmake)
