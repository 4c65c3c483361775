# `cmake --install`: the command, the graphs, the sketch model, and what find_package(weft) needs.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

get_property(libraries GLOBAL PROPERTY WEFT_LIBRARIES)
list(REMOVE_ITEM libraries weft_command)
set_target_properties(weft PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
install(TARGETS weft RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS weft_options ${libraries} EXPORT weft-targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}/weft)
install(DIRECTORY runtime nodes lua DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/weft
        FILES_MATCHING PATTERN "*.h")
install(EXPORT weft-targets NAMESPACE weft:: FILE weft-targets.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/weft)
configure_package_config_file(runtime/weft-config.cmake.in ${PROJECT_BINARY_DIR}/weft-config.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/weft)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/weft-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/weft-config.cmake ${PROJECT_BINARY_DIR}/weft-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/weft)
install(DIRECTORY graphs DESTINATION ${CMAKE_INSTALL_DATADIR}/weft PATTERN expected EXCLUDE)
install(DIRECTORY examples/models DESTINATION ${CMAKE_INSTALL_DATADIR}/weft)
# CLIP's vocabulary, for checkpoints that come without a tokenizer.
install(DIRECTORY .deps/models DESTINATION ${CMAKE_INSTALL_DATADIR}/weft OPTIONAL)

# A oneDNN of our own is installed beside the command, which looks for it there.
get_target_property(onednn DNNL::dnnl IMPORTED_LOCATION_RELEASE)
get_filename_component(onednn_folder ${onednn} DIRECTORY)
string(FIND ${onednn_folder} ${PROJECT_SOURCE_DIR} in_source_tree)
if(in_source_tree EQUAL 0)
  file(REAL_PATH ${onednn} onednn_file)
  install(FILES ${onednn_file} DESTINATION ${CMAKE_INSTALL_LIBDIR} RENAME libdnnl.so.3)
endif()
