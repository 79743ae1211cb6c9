/* keys_carry.c - see keys_carry.h. */
#include <string.h>

#include "core/base/mem.h"
#include "core/command/keys_carry.h"

int carry_take(struct partition *p, loom_entry *e, struct carried *ret)
{
    int rc = value_read(p, e, &ret->view);
    char *to = ret->small;

    if (rc != 0) return rc;
    ret->value = slice_of(ret->view.at, ret->view.bytes);
    ret->expires_ms = loom_entry_expires_ms(e);
    ret->blob = NULL;
    ret->heap = NULL;
    if (ret->view.blob != NULL) {
        ret->blob = loom_blob_hold(ret->view.blob);
        return 0;
    }
    if (ret->view.unpacked != NULL) return 0;
    if (ret->value.bytes > sizeof ret->small) {
        to = ret->heap = mem_alloc(MEM_OTHER, ret->value.bytes);
        if (to == NULL) {
            value_release(&ret->view);
            return LOOM_E_NOMEM;
        }
    }
    if (ret->value.bytes > 0) memcpy(to, ret->value.at, ret->value.bytes);
    ret->value.at = to;
    return 0;
}

int carry_put(const struct carried *carried, const struct store_key *to, loom_entry *old,
              bool overdraw)
{
    struct store_put put = {
        .value = carried->value,
        .blob = carried->blob,
        .expires_ms = carried->expires_ms,
        .old = old,
        .overdraw = overdraw,
    };

    return partition_put(to, &put, NULL);
}

void carry_drop(struct carried *carried)
{
    value_release(&carried->view);
    loom_blob_drop(carried->blob);
    mem_free(MEM_OTHER, carried->heap);
}
