/* SPDX-License-Identifier: MIT
 *
 * Closing a Lua state unloads the modules it has loaded. A C function that has
 * travelled to another state must outlive that, and so must our own code when
 * a thread still runs in it.
 *
 * Asking the dynamic linker takes microseconds, so the addresses that have
 * been pinned are remembered in a small table. An entry is one word, written
 * once it is true and true for ever; two addresses that share an entry only
 * cost each other the shortcut.
 */
#include "library.h"

#include <ck_pr.h>
#include <dlfcn.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>

#define REMEMBERED 256

static void *pinned[REMEMBERED];

static void **entry_of(const void *code)
{
    return &pinned[((uintptr_t)code >> 4) % REMEMBERED];
}

static bool is_main_program(const struct link_map *object)
{
    return object == NULL || object->l_name == NULL || *object->l_name == '\0';
}

bool library_is_one(const void *code, const void *other)
{
    Dl_info info, other_info;

    return dladdr(code, &info) != 0 && dladdr(other, &other_info) != 0 &&
           info.dli_fbase == other_info.dli_fbase;
}

bool library_pin(const void *code)
{
    Dl_info info;
    struct link_map *object = NULL;
    void **entry = entry_of(code);

    if (ck_pr_load_ptr(entry) == code)
        return true;
    if (dladdr1(code, &info, (void **)&object, RTLD_DL_LINKMAP) != 0 &&
        !is_main_program(object) &&
        dlopen(object->l_name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE) == NULL)
        return false;
    ck_pr_store_ptr(entry, (void *)(uintptr_t)code);
    return true;
}
