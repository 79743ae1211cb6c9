/* keys_carry.h - a value taken out of one entry in order to be put into another: RENAME, COPY, MOVE.
 *
 * What an entry holds may move or leave as soon as anything is put into its partition, so a small
 * value is copied.  A large one (a blob) is held and travels without a copy.
 */
#ifndef CORE_COMMAND_KEYS_CARRY_H
#define CORE_COMMAND_KEYS_CARRY_H

#include "core/store/store.h"

#define CARRY_SMALL_BYTES 256

struct carried {
    struct slice value;
    struct loom_blob *blob; /* held, or NULL */
    uint64_t expires_ms;
    struct value_view view; /* keeps an unpacked value */
    void *heap;
    char small[CARRY_SMALL_BYTES];
};

/* carry_take - LOOM_E_NOMEM; on success carry_drop() when done.  *ret must not be copied.  The
 * partition of e is locked here, but need not be later.  [owner] */
int carry_take(struct partition *p, loom_entry *e, struct carried *ret);
/* carry_put - insert or overwrite, with the expiry that was taken along.  old and overdraw as in
 * store_put. */
int carry_put(const struct carried *carried, const struct store_key *to, loom_entry *old,
              bool overdraw);
void carry_drop(struct carried *carried);

#endif
