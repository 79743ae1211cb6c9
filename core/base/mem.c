/* mem.c - see mem.h.  The allocator is whatever malloc() is: jemalloc in the shipped binary, the
 * sanitizers' own in their builds. */
#include "core/base/mem.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/* jemalloc's, when it is linked in: the size class of a request without allocating it. */
extern size_t nallocx(size_t bytes, int flags) __attribute__((weak));

/* One line per purpose: two threads that count connections and buffers do not share one. */
static struct {
    int64_t bytes;
} __attribute__((aligned(64))) used[MEM_PURPOSES];

static uint64_t fail_at; /* 0 unless a test counts */
static uint64_t asked;
static int counting;

bool mem_refuse(void)
{
    if (__builtin_expect(!__atomic_load_n(&counting, __ATOMIC_RELAXED), 1)) return false;
    uint64_t k = __atomic_add_fetch(&asked, 1, __ATOMIC_RELAXED);
    return k == __atomic_load_n(&fail_at, __ATOMIC_RELAXED);
}

static void count(enum mem_purpose purpose, int64_t bytes)
{
    __atomic_fetch_add(&used[purpose].bytes, bytes, __ATOMIC_RELAXED);
}

void *mem_alloc(enum mem_purpose purpose, size_t bytes)
{
    void *at = mem_refuse() ? NULL : malloc(bytes ? bytes : 1);

    if (at != NULL) count(purpose, (int64_t)malloc_usable_size(at));
    return at;
}

void *mem_zalloc(enum mem_purpose purpose, size_t bytes)
{
    void *at = mem_refuse() ? NULL : calloc(1, bytes ? bytes : 1);

    if (at != NULL) count(purpose, (int64_t)malloc_usable_size(at));
    return at;
}

void *mem_realloc(enum mem_purpose purpose, void *at, size_t bytes)
{
    int64_t before = at ? (int64_t)malloc_usable_size(at) : 0;
    void *to = mem_refuse() ? NULL : realloc(at, bytes ? bytes : 1);

    if (to != NULL) count(purpose, (int64_t)malloc_usable_size(to) - before);
    return to;
}

void mem_free(enum mem_purpose purpose, void *at)
{
    if (at == NULL) return;
    count(purpose, -(int64_t)malloc_usable_size(at));
    free(at);
}

char *mem_strdup(enum mem_purpose purpose, const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = mem_alloc(purpose, bytes);

    return copy ? memcpy(copy, text, bytes) : NULL;
}

size_t mem_charge_of(size_t bytes)
{
    if (nallocx != NULL) return nallocx(bytes ? bytes : 1, 0);
    return (bytes + 15) & ~(size_t)15;
}

void mem_charge(enum mem_purpose purpose, int64_t bytes) { count(purpose, bytes); }

uint64_t mem_used(enum mem_purpose purpose)
{
    int64_t bytes = __atomic_load_n(&used[purpose].bytes, __ATOMIC_RELAXED);

    return bytes > 0 ? (uint64_t)bytes : 0;
}

const char *mem_purpose_name(enum mem_purpose purpose)
{
    static const char *const names[MEM_PURPOSES] = {"other",  "connections", "buffers", "blobs",
                                                    "index",  "plugins",     "config",  "metrics"};

    return names[purpose];
}

void mem_fail_at(uint64_t k)
{
    __atomic_store_n(&asked, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&fail_at, k, __ATOMIC_RELAXED);
    __atomic_store_n(&counting, 1, __ATOMIC_RELAXED);
}

uint64_t mem_count(void) { return __atomic_load_n(&asked, __ATOMIC_RELAXED); }
