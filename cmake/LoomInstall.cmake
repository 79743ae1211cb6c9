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

# The administrator's file is theirs: an existing one is never touched. The commented original goes
# to share/ every time, to compare with.
file(GLOB configs CONFIGURE_DEPENDS config/*.ini)
install(FILES ${configs} DESTINATION ${CMAKE_INSTALL_DATADIR}/loomcache)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(CODE [[
    set(ini "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/etc/loomcache/loomcache.ini")
    if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
        set(ini "$ENV{DESTDIR}/etc/loomcache/loomcache.ini")
    endif()]] "
    set(original \"${PROJECT_SOURCE_DIR}/config/loomcache.ini\")" [[
    if(EXISTS "${ini}")
        message(STATUS "Kept as it is: ${ini}")
    elseif(EXISTS "${original}")
        message(STATUS "Installing: ${ini}")
        configure_file("${original}" "${ini}" COPYONLY)
    endif()]])
