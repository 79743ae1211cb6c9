# Runs at install time: puts loom_original into etc/loomcache, unless there is one already.
# As the FHS has it, the configuration of what lies in /usr is in /etc.
set(etc "${CMAKE_INSTALL_PREFIX}/etc")
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
    set(etc "/etc")
endif()
set(ini "$ENV{DESTDIR}${etc}/loomcache/loomcache.ini")
if(EXISTS "${ini}")
    message(STATUS "Kept as it is: ${ini}")
elseif(EXISTS "${loom_original}")
    message(STATUS "Installing: ${ini}")
    configure_file("${loom_original}" "${ini}" COPYONLY)
endif()
