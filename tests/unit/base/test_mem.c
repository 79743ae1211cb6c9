/* test_mem.c - what is taken is counted, what comes back is not, and failure can be had. */
#include <criterion/criterion.h>
#include <string.h>

#include "core/base/mem.h"

Test(mem, counts_by_purpose)
{
    uint64_t index = mem_used(MEM_INDEX), conn = mem_used(MEM_CONN);
    char *a = mem_alloc(MEM_INDEX, 1000), *b = mem_zalloc(MEM_CONN, 100), *c;

    cr_assert(a != NULL && b != NULL);
    cr_assert_geq(mem_used(MEM_INDEX), index + 1000);
    cr_assert_geq(mem_used(MEM_CONN), conn + 100);
    for (int i = 0; i < 100; i++) cr_assert_eq(b[i], 0);
    memset(a, 'x', 1000);
    c = mem_realloc(MEM_INDEX, a, 100000);
    cr_assert_not_null(c);
    cr_assert_eq(c[999], 'x');
    cr_assert_geq(mem_used(MEM_INDEX), index + 100000);
    mem_free(MEM_INDEX, c);
    mem_free(MEM_CONN, b);
    mem_free(MEM_CONN, NULL);
    cr_assert_eq(mem_used(MEM_INDEX), index);
    cr_assert_eq(mem_used(MEM_CONN), conn);
    mem_charge(MEM_PLUGIN, 4096);
    cr_assert_eq(mem_used(MEM_PLUGIN), 4096u);
    mem_charge(MEM_PLUGIN, -4096);
    cr_assert_eq(mem_used(MEM_PLUGIN), 0u);
}

Test(mem, nothing_is_something)
{
    void *a = mem_alloc(MEM_OTHER, 0), *b = mem_zalloc(MEM_OTHER, 0);
    char *copy = mem_strdup(MEM_OTHER, "text");

    cr_assert(a != NULL && b != NULL && a != b);
    cr_assert_str_eq(copy, "text");
    mem_free(MEM_OTHER, a);
    mem_free(MEM_OTHER, b);
    mem_free(MEM_OTHER, copy);
    for (int i = 0; i < MEM_PURPOSES; i++) cr_assert_not_null(mem_purpose_name(i));
    cr_assert_geq(mem_charge_of(100), 100u);
}

Test(mem, the_kth_allocation_fails)
{
    for (uint64_t k = 1; k <= 4; k++) {
        void *got[4];
        uint64_t before = mem_used(MEM_OTHER);
        mem_fail_at(k);
        got[0] = mem_alloc(MEM_OTHER, 10);
        got[1] = mem_zalloc(MEM_OTHER, 10);
        got[2] = mem_realloc(MEM_OTHER, NULL, 10);
        got[3] = mem_strdup(MEM_OTHER, "ten bytes");
        cr_assert_eq(mem_count(), 4u);
        for (uint64_t i = 0; i < 4; i++) {
            cr_assert_eq(got[i] == NULL, i + 1 == k);
            mem_free(MEM_OTHER, got[i]);
        }
        cr_assert_eq(mem_used(MEM_OTHER), before);
    }
    mem_fail_at(0);
    void *a = mem_alloc(MEM_OTHER, 10);
    mem_fail_at(1);
    cr_assert_null(mem_realloc(MEM_OTHER, a, 1000), "a stays as it was");
    memset(a, 0, 10);
    mem_free(MEM_OTHER, a);
}
