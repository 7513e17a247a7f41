/*
 * main() for a fuzz target without libFuzzer: feeds every file of the corpus folder through it
 * once, then every prefix and some single-byte changes of the small ones, so that a plain build
 * exercises the parser beyond the seeds. Fails when the corpus is empty: a target without inputs
 * proves nothing.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_INPUT_BYTES (1u << 20)
#define MUTATE_BELOW_BYTES 2048

/* The target gets its own exact copy, so that reading one byte too far is seen by ASan. */
static void
run_once(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size != 0 ? size : 1);

    if (copy == NULL)
        abort();
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void
run_variants(uint8_t *data, size_t size)
{
    static const uint8_t replacements[] = {0, '\n', '"', '(', '<', ';', '=', 0x7f, 0xff};

    for (size_t n = 0; n < size; n++)
        run_once(data, n);
    for (size_t i = 0; i < size; i++) {
        uint8_t kept = data[i];

        data[i] = replacements[i % sizeof(replacements)];
        run_once(data, size);
        data[i] = kept;
    }
}

static size_t
replay_file(const char *path)
{
    static uint8_t data[MAX_INPUT_BYTES];
    FILE *f = fopen(path, "rb");

    if (f == NULL) {
        perror(path);
        exit(1);
    }
    size_t size = fread(data, 1, sizeof(data), f);
    fclose(f);
    run_once(data, size);
    if (size < MUTATE_BELOW_BYTES)
        run_variants(data, size);
    return 1;
}

int
main(int argc, char **argv)
{
    size_t files = 0;
    DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;

    if (dir == NULL) {
        fprintf(stderr, "usage: %s CORPUS-FOLDER (cannot open %s)\n", argv[0],
                argc > 1 ? argv[1] : "none");
        return 2;
    }
    for (struct dirent *d; (d = readdir(dir)) != NULL;) {
        char path[4096];

        if (d->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", argv[1], d->d_name);
        files += replay_file(path);
    }
    closedir(dir);
    printf("%zu inputs replayed\n", files);
    return files != 0 ? 0 : 1;
}
