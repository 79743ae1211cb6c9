/* transaction_watch.c - WATCH and UNWATCH: keys that must not change before EXEC. */
#include "core/base/mem.h"
#include "core/command/transaction.h"

#define PLACES_MIN 8u

/* ---- the set -------------------------------------------------------------------------------- */

/* The place of this watch, or the free one where it would be put. */
static struct watched *place_of(const struct watched_set *set, const struct watch *watch)
{
    uint64_t hash = (uint64_t)(uintptr_t)watch * 0x9e3779b97f4a7c15ull;
    uint32_t i = (uint32_t)(hash >> 32) & (set->room - 1);

    while (set->places[i].watch != NULL && set->places[i].watch != watch)
        i = (i + 1) & (set->room - 1);
    return &set->places[i];
}

static bool make_room(struct watched_set *set)
{
    struct watched_set to = *set;

    if (2 * (set->n + 1) <= set->room) return true;
    to.room = set->room != 0 ? set->room * 2 : PLACES_MIN;
    to.places = mem_zalloc(MEM_CONN, to.room * sizeof *to.places);
    if (to.places == NULL) return false;
    for (uint32_t i = 0; i < set->room; i++)
        if (set->places[i].watch != NULL)
            *place_of(&to, set->places[i].watch) = set->places[i];
    mem_free(MEM_CONN, set->places);
    *set = to;
    return true;
}

int watched_add(struct watched_set *set, const struct store_key *key, const loom_entry *e)
{
    struct watched *place;
    struct watch *watch;

    if (!make_room(set)) return LOOM_E_NOMEM;
    watch = partition_watch(key);
    if (watch == NULL) return LOOM_E_NOMEM;
    place = place_of(set, watch);
    if (place->watch != NULL) { /* as it was at the first WATCH counts */
        partition_unwatch(key->partition, watch);
        return 0;
    }
    if (set->n >= TRANSACTION_WATCHED_MAX ||
        set->name_bytes + key->key.bytes > TRANSACTION_WATCHED_BYTES_MAX) {
        partition_unwatch(key->partition, watch);
        return LOOM_E_LIMIT;
    }
    *place = (struct watched){.watch = watch,
                              .partition = key->partition,
                              .version = watch_version(watch),
                              .expires_ms = e != NULL ? loom_entry_expires_ms(e) : 0};
    set->n++;
    set->name_bytes += key->key.bytes;
    return 0;
}

bool watched_changed(const struct watched_set *set, uint64_t now_ms)
{
    for (uint32_t i = 0; i < set->room; i++) {
        const struct watched *w = &set->places[i];

        if (w->watch == NULL) continue;
        if (watch_version(w->watch) != w->version) return true;
        if (w->expires_ms != 0 && w->expires_ms <= now_ms) return true;
    }
    return false;
}

void watched_partitions(const struct watched_set *set, struct partition_set *ret)
{
    for (uint32_t i = 0; i < set->room; i++)
        if (set->places[i].watch != NULL) partition_set_add(ret, set->places[i].partition->index);
}

void watched_clear(struct watched_set *set, uint64_t now_ms, bool locked)
{
    for (uint32_t i = 0; i < set->room; i++) {
        struct watched *w = &set->places[i];

        if (w->watch == NULL) continue;
        if (!locked) partition_lock(w->partition, now_ms);
        partition_unwatch(w->partition, w->watch);
        if (!locked) partition_unlock(w->partition);
    }
    mem_free(MEM_CONN, set->places);
    *set = (struct watched_set){0};
}

/* ---- the commands --------------------------------------------------------------------------- */

void transaction_run_watch(struct call *call)
{
    struct transaction *t = transaction_get(call->session);
    int rc = t != NULL ? 0 : LOOM_E_NOMEM;

    if (rc == 0 && t->in_multi) {
        call_error(call, "WATCH inside MULTI is not allowed");
        return;
    }
    /* Keys watched before one that fails stay watched: EXEC then at worst refuses. */
    for (uint32_t i = 0; rc == 0 && i < call->n_keys; i++)
        rc = watched_add(&t->watched, &call->keys[i], partition_find(&call->keys[i], STORE_PEEK));
    if (rc == LOOM_E_LIMIT)
        call_error(call, "too many watched keys (the limits are %u keys and %u bytes of names)",
                   TRANSACTION_WATCHED_MAX, TRANSACTION_WATCHED_BYTES_MAX);
    else if (rc != 0) call_failed(call, rc);
    else reply_ok(call->reply);
    transaction_trim(call->session);
}

/* Inside EXEC there is nothing left to forget: the watches have been looked at and let go. */
void transaction_run_unwatch(struct call *call)
{
    struct transaction *t = call->session->transaction;

    if (t != NULL) watched_clear(&t->watched, call->now_ms, call->locked);
    transaction_trim(call->session);
    reply_ok(call->reply);
}
