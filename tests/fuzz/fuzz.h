/* Mutation fuzzing with fixed seeds: a program lists targets, every target runs its cases in a child process,
 * and a case that crashes, hangs, leaks (under a sanitizer) or complains badly ends the program with status 1
 * and the command that repeats it.
 *
 *     fuzz_x                 all targets, the number of cases each names
 *     fuzz_x TARGET CASE     one case, in this process: for a debugger
 *     fuzz_x --times N       N times as many cases
 *
 * A case must leave its parser either content or with one clear line of bad input: running out of memory, a bug
 * of ours or a failing machine are no answers to bad bytes.
 */
#ifndef OFR_TESTS_FUZZ_H
#define OFR_TESTS_FUZZ_H

#include "sim/base/error.h"
#include "tests/support/files.h"

#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum {
    FUZZ_SECONDS = 20, /* a case that takes longer hangs */
    FUZZ_ROOM = 1 << 16
};

struct fuzz_target {
    const char *name;
    uint32_t cases;
    void (*run)(uint64_t number);
};

static uint64_t fuzz__state;

static inline void fuzz_seed(uint64_t seed)
{
    fuzz__state = seed * 0x9e3779b97f4a7c15u + 0x2545f4914f6cdd1du;
}

/* 0 <= result < n; splitmix64. */
static inline uint32_t fuzz_below(uint32_t n)
{
    uint64_t z = fuzz__state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ z >> 31) % n);
}

struct fuzz_bytes {
    unsigned char at[FUZZ_ROOM];
    size_t size;
};

static inline void fuzz_set(struct fuzz_bytes *bytes, const void *from, size_t size)
{
    bytes->size = size < FUZZ_ROOM ? size : FUZZ_ROOM - 1;
    memcpy(bytes->at, from, bytes->size);
}

/* Replaces `old` bytes at a place by `size` others. */
static inline void fuzz_splice(struct fuzz_bytes *bytes, size_t place, size_t old, const void *with,
                               size_t size)
{
    if (bytes->size - old + size >= FUZZ_ROOM)
        return;
    memmove(bytes->at + place + size, bytes->at + place + old, bytes->size - place - old);
    memcpy(bytes->at + place, with, size);
    bytes->size += size - old;
}

static inline void fuzz_mutate_once(struct fuzz_bytes *bytes, const char *const *words, uint32_t count)
{
    static const unsigned char edge[] = {0,    1,    0x7f, 0x80, 0xc0, 0xca, 0xcf,
                                         0xdd, 0xdf, 0xff, '\n', '"',  ',',  '-'};
    size_t place = fuzz_below((uint32_t)bytes->size + 1);
    size_t left = bytes->size - place, run = left ? 1 + fuzz_below(left < 16 ? (uint32_t)left : 16) : 0;
    unsigned char copy[16], byte = edge[fuzz_below(sizeof edge)];
    memcpy(copy, bytes->at + place, run);
    const char *word = count ? words[fuzz_below(count)] : "\xff\xff\xff\xff";
    switch (fuzz_below(7)) {
    case 0:
        if (left)
            bytes->at[place] ^= (unsigned char)(1u << fuzz_below(8));
        break;
    case 1:
        fuzz_splice(bytes, place, left > 0, &byte, 1);
        break;
    case 2:
        fuzz_splice(bytes, place, run, "", 0);
        break;
    case 3:
        fuzz_splice(bytes, place, 0, copy, run);
        break;
    case 4:
        bytes->size -= fuzz_below(4) ? 0 : left; /* cut short */
        break;
    default:
        fuzz_splice(bytes, place, fuzz_below(2) ? run : 0, word, strlen(word));
    }
}

/* One to four changes; `words` are what the format's own parser looks out for. */
static inline void fuzz_mutate(struct fuzz_bytes *bytes, const char *const *words, uint32_t count)
{
    for (uint32_t changes = 1 + fuzz_below(4); changes > 0; --changes)
        fuzz_mutate_once(bytes, words, count);
}

static inline void fuzz_fail(const char *what, const char *text)
{
    fprintf(stderr, "%s: '%s'\n", what, text);
    exit(1);
}

/* Judges what a parser answered. */
static inline void fuzz_verdict(int rc, const struct ofr_error *err)
{
    bool said = rc == OFR_E_INPUT || rc == OFR_E_USAGE;
    if (rc >= 0 ? err->code != 0 : !said || err->code != rc || !err->text[0])
        fuzz_fail("neither content nor bad input", err->text);
    for (const char *at = err->text; rc < 0 && *at; ++at)
        if ((unsigned char)*at < 0x20)
            fuzz_fail("not one plain line", err->text);
}

/* Thousands of small files: in memory where the system has a place for that. */
static inline void fuzz__folder(void)
{
    snprintf(files__folder, sizeof files__folder, "/dev/shm/offramp-fuzz-XXXXXX");
    if (!mkdtemp(files__folder))
        files__folder[0] = '\0'; /* the usual place, made on first use */
}

static inline void fuzz__child(const struct fuzz_target *target, uint64_t cases, volatile uint64_t *reached)
{
    fuzz__folder();
    for (uint64_t i = 0; i < cases; ++i) {
        *reached = i;
        alarm(FUZZ_SECONDS);
        fuzz_seed(i);
        target->run(i);
    }
    files_remove();
    exit(0);
}

static inline int fuzz__target(const char *program, const struct fuzz_target *target, uint64_t cases)
{
    volatile uint64_t *reached =
        mmap(NULL, sizeof *reached, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        fuzz__child(target, cases, reached);
    int status = -1;
    waitpid(pid, &status, 0);
    bool fine = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (fine)
        printf("%s: %llu cases\n", target->name, (unsigned long long)cases);
    else
        fprintf(stderr, "%s, case %llu: %s %d; repeat with: %s %s %llu\n", target->name,
                (unsigned long long)*reached, WIFSIGNALED(status) ? "signal" : "status",
                WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), program, target->name,
                (unsigned long long)*reached);
    munmap((void *)reached, sizeof *reached);
    return fine ? 0 : 1;
}

static inline int fuzz_main(int argc, char **argv, const struct fuzz_target *target, uint32_t targets)
{
    uint64_t times = argc == 3 && strcmp(argv[1], "--times") == 0 ? strtoull(argv[2], NULL, 10) : 1;
    bool one = argc == 3 && strcmp(argv[1], "--times") != 0;
    int failed = 0;
    for (uint32_t i = 0; i < targets; ++i) {
        if (one && strcmp(target[i].name, argv[1]) == 0) {
            fuzz__folder();
            fuzz_seed(strtoull(argv[2], NULL, 10));
            target[i].run(strtoull(argv[2], NULL, 10));
            files_remove();
        }
        if (!one)
            failed |= fuzz__target(argv[0], &target[i], times * target[i].cases);
    }
    return failed;
}

#endif
