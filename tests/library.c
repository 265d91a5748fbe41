/* SPDX-License-Identifier: MIT
 *
 * Pinning: code that has been pinned outlives the closing of its library.
 *
 * The libraries are those of the C library's family that nothing here is
 * linked with: each system that can run these tests has some of them.
 */
#include <dlfcn.h>
#include <link.h>

#include "library.h"
#include "support/check.h"
#include "support/crowd.h"
#include "support/stress.h"

/* The addresses that library.c remembers in one place lie this far apart. */
#define SHARED_ENTRY 4096

static const char *const candidates[] = {
    "libresolv.so.2", "libBrokenLocale.so.1", "libthread_db.so.1",
    "libnsl.so.1",    "libanl.so.1",          "libutil.so.1",
    "libz.so.1",
};

/* ---- libraries ---- */

static bool is_loaded(const char *name)
{
    void *library = dlopen(name, RTLD_LAZY | RTLD_NOLOAD);

    if (library != NULL)
        dlclose(library);
    return library != NULL;
}

/* Whether the library comes and goes with dlopen and dlclose. */
static bool comes_and_goes(const char *name)
{
    void *library;

    if (is_loaded(name) || (library = dlopen(name, RTLD_LAZY)) == NULL)
        return false;
    dlclose(library);
    return !is_loaded(name);
}

/* The next one that does; they are used up, one after the other. */
static const char *next_library(void)
{
    static size_t next;
    size_t count = sizeof candidates / sizeof *candidates;

    for (; next < count; next++)
        if (comes_and_goes(candidates[next]))
            return candidates[next++];
    check_skip("no library is left that can be unloaded");
    return NULL;
}

static const char *base_of(void *library)
{
    struct link_map *map = NULL;

    dlinfo(library, RTLD_DI_LINKMAP, &map);
    return (const char *)map->l_addr;
}

/* ---- validation ---- */

static void pinned_code_outlives_its_library(void)
{
    const char *name = next_library(), *base;
    void *library;
    Dl_info info;

    if (name == NULL)
        return;
    library = dlopen(name, RTLD_LAZY);
    base = base_of(library);
    CHECK(library_pin(base + 64), "code of a library can be pinned");
    dlclose(library);
    CHECK(is_loaded(name), "a library that is closed after it stays loaded");
    CHECK(dladdr(base + 64, &info) != 0 && info.dli_fbase == base,
          "where it was");
    dlclose(dlopen(name, RTLD_LAZY));
    CHECK(is_loaded(name), "also if it is opened and closed again");
}

static void pinning_twice_is_pinning(void)
{
    const char *name = next_library(), *base;
    void *library;

    if (name == NULL)
        return;
    library = dlopen(name, RTLD_LAZY);
    base = base_of(library);
    CHECK(library_pin(base + 64) && library_pin(base + 64),
          "code can be pinned twice");
    CHECK(library_pin(base + 128), "and other code of its library");
    dlclose(library);
    CHECK(is_loaded(name), "and the library stays loaded");
}

static int own_function(void)
{
    return 1;
}

/* What has been remembered of one address must not be believed of another. */
static void addresses_that_share_a_place_are_told_apart(void)
{
    const char *name = next_library(), *base;
    uintptr_t own = (uintptr_t)own_function, code;
    void *library;

    if (name == NULL)
        return;
    library = dlopen(name, RTLD_LAZY);
    base = base_of(library);
    code = (uintptr_t)base + (own - (uintptr_t)base) % SHARED_ENTRY;
    CHECK(library_pin((const void *)own), "an address can be pinned");
    CHECK(library_pin((const void *)code),
          "and one that is remembered in the same place");
    CHECK(library_pin((const void *)own), "and the first one again");
    dlclose(library);
    CHECK(is_loaded(name), "the second one's library stays loaded");
}

static void the_program_needs_no_pinning(void)
{
    char local;
    void *heap = malloc(1);

    CHECK(library_pin((const void *)(uintptr_t)own_function),
          "code of the program itself counts as pinned");
    CHECK(library_pin((const void *)(uintptr_t)library_pin),
          "so does code that is linked into it");
    CHECK(library_pin((const void *)(uintptr_t)pthread_create),
          "code of a library the program is linked with can be pinned");
    CHECK(library_pin(&local) && library_pin(heap),
          "what is in no library needs no pinning");
    free(heap);
    CHECK_NUMBER(own_function(), 1, "the program's code is what it was");
}

/* ---- stress ---- */

static const char *shared_base;

static void pin_at_random(struct guest *guest)
{
    struct random *random = &guest->random;
    int i;

    for (i = 0; i < 2000; i++) {
        const char *code =
            random_one_in(random, 2) ? shared_base : (char *)own_function;

        if (!library_pin(code + 16 * random_below(random, 60)))
            CHECK(false, "threads can pin at the same time");
    }
}

static void threads_pin_at_the_same_time(void)
{
    struct stress s = stress_begin("library", 50);
    const char *name = next_library();
    void *library = name == NULL ? NULL : dlopen(name, RTLD_LAZY);

    shared_base = library == NULL ? (char *)own_function : base_of(library);
    for (; stress_goes_on(&s); s.round++)
        crowd_play(pin_at_random, &s.random);
    if (library == NULL)
        return;
    dlclose(library);
    CHECK(is_loaded(name), "what threads have pinned together stays loaded");
}

static void all(void)
{
    check_part("pinned code outlives its library",
               pinned_code_outlives_its_library);
    check_part("pinning twice is pinning", pinning_twice_is_pinning);
    check_part("addresses that share a place are told apart",
               addresses_that_share_a_place_are_told_apart);
    check_part("the program needs no pinning", the_program_needs_no_pinning);
    check_part("threads pin at the same time", threads_pin_at_the_same_time);
}

int main(void)
{
    return check_program("library", all);
}
