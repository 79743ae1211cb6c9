/* offer.c - see offer.h.  One row per kind says what its table of functions must hold. */
#include "core/plugin/offer.h"

#include <string.h>

#include <loomcache/discovery.h>
#include <loomcache/eviction.h>
#include <loomcache/exporter.h>
#include <loomcache/storage.h>

#include "core/plugin/options.h"

#define KIND_ID_MAX 80         /* bytes of a kind id that are looked at */
#define OPS_BYTES_MAX (1 << 16) /* a struct_size beyond this is garbage */

struct function {
    const char *name;
    size_t offset;
};
#define FUNCTION(ops, field) {#field, offsetof(struct ops, field)}

static const struct function eviction_functions[] = {
    FUNCTION(loom_eviction_ops, init), FUNCTION(loom_eviction_ops, fini),
    FUNCTION(loom_eviction_ops, inserted), FUNCTION(loom_eviction_ops, removed), {NULL, 0}};
static const struct function storage_functions[] = {
    FUNCTION(loom_storage_ops, init),    FUNCTION(loom_storage_ops, fini),
    FUNCTION(loom_storage_ops, find),    FUNCTION(loom_storage_ops, charge_of),
    FUNCTION(loom_storage_ops, charged), FUNCTION(loom_storage_ops, create),
    FUNCTION(loom_storage_ops, insert),  FUNCTION(loom_storage_ops, replace),
    FUNCTION(loom_storage_ops, remove),  FUNCTION(loom_storage_ops, release),
    FUNCTION(loom_storage_ops, scan),    FUNCTION(loom_storage_ops, sample),
    FUNCTION(loom_storage_ops, clear),   {NULL, 0}};
static const struct function discovery_functions[] = {
    FUNCTION(loom_discovery_ops, init), FUNCTION(loom_discovery_ops, refresh),
    FUNCTION(loom_discovery_ops, fini), {NULL, 0}};
static const struct function exporter_functions[] = {
    FUNCTION(loom_exporter_ops, init), FUNCTION(loom_exporter_ops, fini), {NULL, 0}};

static int check_eviction(const void *table, struct error *error)
{
    const struct loom_eviction_ops *ops = table;

    if (ops->touch.kind > LOOM_TOUCH_CALL)
        return error_set(error, LOOM_E_CONFIG, "has touch.kind %u, which this host does not know",
                         ops->touch.kind);
    if (ops->touch.kind == LOOM_TOUCH_COUNT &&
        (ops->touch.max < 1 || ops->touch.max > LOOM_TOUCH_COUNT_MASK))
        return error_set(error, LOOM_E_CONFIG, "has touch.max %u: LOOM_TOUCH_COUNT needs 1 to 15",
                         ops->touch.max);
    if (ops->touch.kind == LOOM_TOUCH_CALL && !LOOM_HAS(ops, accessed))
        return error_set(error, LOOM_E_CONFIG, "has no accessed(), which LOOM_TOUCH_CALL needs");
    if (LOOM_HAS(ops, evict) && !LOOM_HAS(ops, restored))
        return error_set(error, LOOM_E_CONFIG, "has no restored(), which evict() needs");
    return 0;
}

static const struct kind {
    const char *name, *noun, *id;
    size_t ops_bytes; /* up to the last required field */
    size_t instance_size, options; /* offsets */
    const struct function *functions;
    int (*check)(const void *table, struct error *error);
} kinds[PLUGIN_KINDS] = {
    [PLUGIN_EVICTION] = {"eviction", "eviction policy", LOOM_KIND_EVICTION,
                         offsetof(struct loom_eviction_ops, evict),
                         offsetof(struct loom_eviction_ops, instance_size),
                         offsetof(struct loom_eviction_ops, options), eviction_functions,
                         check_eviction},
    [PLUGIN_STORAGE] = {"storage", "storage backend", LOOM_KIND_STORAGE,
                        offsetof(struct loom_storage_ops, prefetch),
                        offsetof(struct loom_storage_ops, instance_size),
                        offsetof(struct loom_storage_ops, options), storage_functions, NULL},
    [PLUGIN_DISCOVERY] = {"discovery", "discovery plugin", LOOM_KIND_DISCOVERY,
                          sizeof(struct loom_discovery_ops),
                          offsetof(struct loom_discovery_ops, instance_size),
                          offsetof(struct loom_discovery_ops, options), discovery_functions, NULL},
    [PLUGIN_EXPORTER] = {"exporter", "exporter", LOOM_KIND_EXPORTER,
                         sizeof(struct loom_exporter_ops),
                         offsetof(struct loom_exporter_ops, instance_size),
                         offsetof(struct loom_exporter_ops, options), exporter_functions, NULL},
};

const char *plugin_kind_name(enum plugin_kind kind) { return kinds[kind].name; }
const char *plugin_kind_noun(enum plugin_kind kind) { return kinds[kind].noun; }
const char *plugin_kind_id(enum plugin_kind kind) { return kinds[kind].id; }

bool plugin_kind_of(const char *name, enum plugin_kind *ret)
{
    for (int i = 0; i < PLUGIN_KINDS; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            *ret = (enum plugin_kind)i;
            return true;
        }
    }
    return false;
}

/* Same kind, another major?  Or a word this host has never heard? */
static int check_kind(const char *id, enum plugin_kind *ret, struct error *error)
{
    char shown[KIND_ID_MAX];

    for (int i = 0; i < PLUGIN_KINDS; i++) {
        size_t stem = (size_t)(strchr(kinds[i].id, '/') - kinds[i].id);
        if (strncmp(kinds[i].id, id, KIND_ID_MAX) == 0) {
            *ret = (enum plugin_kind)i;
            return 0;
        }
        if (strncmp(kinds[i].id, id, stem + 1) == 0)
            return error_set(error, LOOM_E_CONFIG, "offers %s, this host speaks %s",
                             option_printable(id, shown, sizeof shown), kinds[i].id + stem);
    }
    return error_set(error, LOOM_E_CONFIG,
                     "offers the kind \"%s\", which this host does not know; it knows %s, %s, %s "
                     "and %s",
                     option_printable(id, shown, sizeof shown), kinds[0].id, kinds[1].id,
                     kinds[2].id, kinds[3].id);
}

static int check_name(const char *name, struct error *error)
{
    char shown[OPTION_KEY_MAX + 4];
    size_t n = strnlen(name, OPTION_KEY_MAX);

    if (n > 0 && n < OPTION_KEY_MAX && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == n)
        return 0;
    return error_set(error, LOOM_E_CONFIG,
                     "offers the name \"%s\"; a name has 1 to %d characters out of a-z, 0-9 and _",
                     option_printable(name, shown, sizeof shown), OPTION_KEY_MAX - 1);
}

static int check_ops(const struct kind *kind, const char *ops, struct error *error)
{
    uint32_t struct_size;
    void (*function)(void);

    memcpy(&struct_size, ops, sizeof struct_size);
    if (struct_size < kind->ops_bytes || struct_size > OPS_BYTES_MAX)
        return error_set(error, LOOM_E_CONFIG,
                         "has a table of functions of %u bytes, this host expects at least %zu: "
                         "is struct_size set?",
                         struct_size, kind->ops_bytes);
    for (const struct function *f = kind->functions; f->name != NULL; f++) {
        memcpy(&function, ops + f->offset, sizeof function);
        if (function == NULL)
            return error_set(error, LOOM_E_CONFIG, "has no %s(), which is required", f->name);
    }
    return kind->check ? kind->check(ops, error) : 0;
}

int offer_check(const struct loom_offer *offer, struct plugin *ret, struct error *error)
{
    const struct kind *kind;
    enum plugin_kind number = PLUGIN_EVICTION;
    int rc;

    if (offer->kind == NULL || offer->name == NULL || offer->ops == NULL)
        return error_set(error, LOOM_E_CONFIG, "has an offer without kind, name or functions");
    rc = check_kind(offer->kind, &number, error);
    if (rc == 0) rc = check_name(offer->name, error);
    if (rc != 0) return rc;
    kind = &kinds[number];
    ret->kind = number;
    ret->name = offer->name;
    ret->about = offer->about ? offer->about : "";
    ret->ops = offer->ops;
    rc = check_ops(kind, offer->ops, error);
    if (rc != 0) return error_wrap(error, "offers %s %s, which is not acceptable", kind->noun,
                                   offer->name);
    memcpy(&ret->instance_bytes, (const char *)offer->ops + kind->instance_size, 4);
    memcpy(&ret->options, (const char *)offer->ops + kind->options, sizeof ret->options);
    if (ret->instance_bytes > REGISTRY_INSTANCE_MAX)
        return error_set(error, LOOM_E_CONFIG,
                         "offers %s %s with an instance of %u bytes; at most %u are given",
                         kind->noun, offer->name, ret->instance_bytes, REGISTRY_INSTANCE_MAX);
    rc = options_verify(ret->options, ret->instance_bytes, error);
    return rc == 0 ? 0 : error_wrap(error, "offers %s %s with a bad option table", kind->noun,
                                    offer->name);
}
