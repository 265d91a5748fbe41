/* SPDX-License-Identifier: MIT
 *
 * The version of the project. CMakeLists.txt reads it from here.
 */
#ifndef RUNTIME_VERSION_H
#define RUNTIME_VERSION_H

#define VERSION_MAJOR 1
#define VERSION_MINOR 0
#define VERSION_PATCH 0
/* "" in a release. */
#define VERSION_COMMENT "dev"

#endif
