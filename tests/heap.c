/* SPDX-License-Identifier: MIT
 *
 * The memory of a state: objects do not overlap, keep their content, and are
 * used again.
 */
#include "heap.h"
#include "support/check.h"
#include "support/no_memory.h"
#include "support/stress.h"

#define OBJECTS 200

struct object {
    unsigned char *memory;
    size_t size;
    unsigned char mark;
};

static bool is_marked(const struct object *object, size_t size)
{
    size_t i;

    for (i = 0; i < size; i++)
        if (object->memory[i] != object->mark)
            return false;
    return true;
}

static void mark(struct object *object, unsigned char with)
{
    object->mark = with;
    memset(object->memory, with, object->size);
}

/* ---- validation ---- */

static void objects_are_aligned(void)
{
    struct heap *heap = heap_new();
    size_t size;
    bool aligned = true;
    void *object;

    for (size = 1; size < 20000; size += size / 500 + 1) {
        object = heap_resize(heap, NULL, 0, size);
        aligned = aligned && ((uintptr_t)object & 15) == 0;
        (void)heap_resize(heap, object, size, 0);
    }
    CHECK(aligned, "objects of any size can hold any type");
    heap_destroy(heap);
}

static void freed_objects_are_used_again(void)
{
    struct heap *heap = heap_new();
    void *made = heap_resize(heap, NULL, 0, 40), *other;
    void *one = heap_resize(heap, made, 40, 48);

    CHECK(one == made || CHECK_SANITIZED,
          "an object stays where it is while it fits");
    (void)heap_resize(heap, one, 48, 0);
    other = heap_resize(heap, NULL, 0, 33);
    CHECK(other == one || CHECK_SANITIZED, "a freed object is used again");
    (void)heap_resize(heap, other, 33, 0);
    CHECK(heap_resize(heap, NULL, 0, 0) == NULL, "nothing may be freed");
    heap_destroy(heap);
}

/* In Lua's words for what is not an object yet, `old` is its type. */
static void old_counts_for_objects_only(void)
{
    struct heap *heap = heap_new();
    void *object = heap_resize(heap, NULL, 5, 100);

    CHECK(object != NULL, "an object can be made whatever `old` is");
    (void)heap_resize(heap, object, 100, 0);
    heap_destroy(heap);
}

static void memory_may_run_out(void)
{
    struct heap *heap;
    struct object objects[2 * OBJECTS];
    unsigned i, made = 0;

    if (!no_memory_works())
        return;
    heap = heap_new();
    no_memory_from(1);
    for (i = 0; i < 2 * OBJECTS; i++) {
        objects[i].size = 2000;
        objects[i].memory = heap_resize(heap, NULL, 0, 2000);
        if (objects[i].memory == NULL)
            break;
        mark(&objects[made++], 7);
    }
    CHECK(heap_resize(heap, NULL, 0, (size_t)48 << 20) == NULL,
          "large objects can fail");
    if (made > 0)
        CHECK(heap_resize(heap, objects[0].memory, 2000, (size_t)48 << 20) ==
                      NULL &&
                  is_marked(&objects[0], 2000),
              "growing can fail and leaves the object as it is");
    (void)no_memory_end();
    for (i = 0; i < made; i++)
        (void)heap_resize(heap, objects[i].memory, 2000, 0);
    heap_destroy(heap);
}

/* From any size to any other; with what is made before, what the heap has left
 * differs. */
static void objects_get_smaller_without_memory(void)
{
    static const size_t sizes[] = {400000, 100000, 33000, 16400, 16385,
                                   16384,  15361,  9000,  600,   17};
    enum {
        SIZES = sizeof sizes / sizeof *sizes
    };
    unsigned from, to, before;

    if (!no_memory_works())
        return;
    for (before = 0; before < 30; before++) {
        struct heap *heap = heap_new();
        struct object objects[SIZES * SIZES];
        unsigned made = 0, i;

        for (i = 0; i < before; i++)
            (void)heap_resize(heap, NULL, 0, 1000);
        for (from = 0; from < SIZES; from++)
            for (to = from + 1; to < SIZES; to++) {
                struct object *object = &objects[made++];

                object->size = sizes[from];
                object->memory = heap_resize(heap, NULL, 0, sizes[from]);
                mark(object, (unsigned char)made);
            }
        made = 0;
        no_memory_from(1);
        for (from = 0; from < SIZES; from++)
            for (to = from + 1; to < SIZES; to++) {
                struct object *object = &objects[made++];

                object->memory =
                    heap_resize(heap, object->memory, sizes[from], sizes[to]);
                object->size = sizes[to];
            }
        (void)no_memory_end();
        for (i = 0; i < made; i++) {
            CHECK(objects[i].memory != NULL &&
                      is_marked(&objects[i], objects[i].size),
                  "an object gets smaller without memory");
            (void)heap_resize(heap, objects[i].memory, objects[i].size, 0);
        }
        heap_destroy(heap);
    }
}

/* ---- stress ---- */

/* Around the borders of the sizes, and far from them. */
static size_t random_size(struct random *random)
{
    static const size_t borders[] = {16, 512, 640, 2048, 9000, 16384, 100000};

    return borders[random_below(random, 7)] + random_below(random, 40) -
           random_below(random, 15);
}

static void change(struct heap *heap, struct object *object, size_t size)
{
    size_t least = size < object->size ? size : object->size;
    bool is_new = object->memory == NULL;

    object->memory = heap_resize(heap, object->memory, object->size, size);
    object->size = size;
    CHECK(is_new || is_marked(object, least), "an object keeps its content");
}

static void live_at_random(struct random *random)
{
    struct heap *heap = heap_new();
    struct object objects[OBJECTS] = {{NULL, 0, 0}}, *object;
    unsigned i;

    for (i = 0; i < 20 * OBJECTS; i++) {
        object = &objects[random_below(random, OBJECTS)];
        change(heap, object,
               random_below(random, 3) == 0 ? 0 : random_size(random));
        if (object->memory != NULL)
            mark(object, (unsigned char)random_below(random, 256));
    }
    for (i = 0; i < OBJECTS; i++)
        change(heap, &objects[i], 0);
    heap_destroy(heap);
}

static void objects_live_at_random(void)
{
    stress_rounds("heap", 10, live_at_random);
}

static void all(void)
{
    check_part("objects are aligned", objects_are_aligned);
    check_part("freed objects are used again", freed_objects_are_used_again);
    check_part("old counts for objects only", old_counts_for_objects_only);
    check_part("memory may run out", memory_may_run_out);
    check_part("objects get smaller without memory",
               objects_get_smaller_without_memory);
    check_part("objects live at random", objects_live_at_random);
}

int main(void)
{
    return check_program("heap", all);
}
