/* SPDX-License-Identifier: MIT
 *
 * Replays what a fuzzer has found: each file of the directories that are the
 * arguments, and each file that is one itself.
 */
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "fuzz.h"

static unsigned long replayed;

static _Noreturn void fail(const char *path)
{
    perror(path);
    exit(EXIT_FAILURE);
}

/* The bytes lie where their memory ends, so that reading on is seen. */
static void replay_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(size > 0 ? size : 1);

    if (file == NULL || bytes == NULL || fread(bytes, 1, size, file) != size)
        fail(path);
    fclose(file);
    (void)LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
    replayed++;
}

static void replay(const char *path)
{
    struct stat status;
    struct dirent *entry;
    char inside[4096];
    DIR *directory;

    if (stat(path, &status) != 0)
        fail(path);
    if (!S_ISDIR(status.st_mode)) {
        replay_file(path, (size_t)status.st_size);
        return;
    }
    directory = opendir(path);
    if (directory == NULL)
        fail(path);
    while ((entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(inside, sizeof inside, "%s/%s", path, entry->d_name);
        replay(inside);
    }
    closedir(directory);
}

int main(int argc, char **argv)
{
    int i;

    for (i = 1; i < argc; i++)
        replay(argv[i]);
    printf("%lu inputs replayed\n", replayed);
    return replayed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
