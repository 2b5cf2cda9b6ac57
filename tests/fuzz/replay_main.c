/* tests/fuzz/replay_main.c - a fuzz target without the fuzzer: runs the inputs that are given as files or folders, each from a
 * block of exactly its size, so that sanitizers and valgrind see a read beyond it. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t replayed;

static void replay_fail(const char *path)
{
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    exit(EXIT_FAILURE);
}

static void replay_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(size != 0 ? size : 1);
    if (file == NULL || data == NULL || fread(data, 1, size, file) != size) replay_fail(path);
    fclose(file);
    fprintf(stderr, "%s\n", path); /* Before: if it crashes, one wants to know which. */
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    replayed++;
}

static void replay_path(const char *path)
{
    struct stat stat_buffer;
    if (stat(path, &stat_buffer) != 0) replay_fail(path);
    if (!S_ISDIR(stat_buffer.st_mode)) {
        replay_file(path, (size_t)stat_buffer.st_size);
        return;
    }
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);
    if (count < 0) replay_fail(path);
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.') {
            char inner[4096];
            snprintf(inner, sizeof(inner), "%s/%s", path, entries[i]->d_name);
            replay_path(inner);
        }
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        replay_path(argv[i]);
    }
    fprintf(stderr, "%zu inputs\n", replayed);
    return replayed != 0 ? EXIT_SUCCESS : EXIT_FAILURE; /* An empty corpus proves nothing. */
}
