/* peers.c - see peers.h. */
#include "core/server/peers.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"

#define PORT_DEFAULT 7654
#define TEXT_MAX 255 /* of a name or host, as DNS has it */
#define SAID_MAX 16  /* changes that are told one by one */

/* One block: the set, its peers, then their texts. */
struct peers_set {
    size_t n;
    struct control_peer all[];
};

void peers_open(struct peers *peers)
{
    pthread_mutex_init(&peers->lock, NULL);
    peers->now = NULL;
}

void peers_close(struct peers *peers)
{
    mem_free(MEM_OTHER, peers->now);
    peers->now = NULL;
    pthread_mutex_destroy(&peers->lock);
}

static bool text_is_fine(const char *text)
{
    size_t n = text ? strnlen(text, TEXT_MAX + 1) : 0;

    return n > 0 && n <= TEXT_MAX;
}

static bool is_peer(const struct loom_peer *peer)
{
    return text_is_fine(peer->name) && text_is_fine(peer->host);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct control_peer *)a)->name, ((const struct control_peer *)b)->name);
}

static char *copy_text(char **at, const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = memcpy(*at, text, n);

    *at += n;
    return copy;
}

/* The first of each name stays; sorted. */
static void sort_and_unite(struct peers_set *set)
{
    size_t n = 0;

    qsort(set->all, set->n, sizeof set->all[0], by_name);
    for (size_t i = 0; i < set->n; i++)
        if (n == 0 || strcmp(set->all[n - 1].name, set->all[i].name) != 0)
            set->all[n++] = set->all[i];
    set->n = n;
}

static struct peers_set *set_new(const struct loom_peer *all, size_t n)
{
    size_t bytes = sizeof(struct peers_set), n_good = 0;
    struct peers_set *set;
    char *texts;

    for (size_t i = 0; i < n && n_good < CONTROL_PEERS_MAX; i++) {
        if (!is_peer(&all[i])) continue;
        bytes += sizeof set->all[0] + strlen(all[i].name) + strlen(all[i].host) + 2;
        n_good++;
    }
    set = mem_alloc(MEM_OTHER, bytes);
    if (set == NULL) return NULL;
    set->n = 0;
    texts = (char *)&set->all[n_good];
    for (size_t i = 0; i < n && set->n < n_good; i++) {
        if (!is_peer(&all[i])) continue;
        struct control_peer *peer = &set->all[set->n++];
        peer->name = copy_text(&texts, all[i].name);
        peer->host = copy_text(&texts, all[i].host);
        peer->port = all[i].port ? all[i].port : PORT_DEFAULT;
    }
    sort_and_unite(set);
    return set;
}

/* ---- changes -------------------------------------------------------------------------------- */

struct changes {
    size_t n_came, n_gone, n_moved;
};

static void say_change(const struct changes *changes, const char *what,
                       const struct control_peer *peer)
{
    if (changes->n_came + changes->n_gone + changes->n_moved <= SAID_MAX)
        LOG_INFO("discovery", "peer %s at %s port %u %s", peer->name, peer->host, peer->port, what);
}

/* Both are sorted: walk them side by side. */
static struct changes compare(const struct peers_set *old, const struct peers_set *new)
{
    size_t n_old = old ? old->n : 0, i = 0, k = 0;
    struct changes changes = {0, 0, 0};

    while (i < n_old || k < new->n) {
        int order = i == n_old ? 1 : k == new->n ? -1 : by_name(&old->all[i], &new->all[k]);
        if (order < 0) {
            changes.n_gone++;
            say_change(&changes, "is gone", &old->all[i++]);
        } else if (order > 0) {
            changes.n_came++;
            say_change(&changes, "was found", &new->all[k++]);
        } else {
            const struct control_peer *a = &old->all[i++], *b = &new->all[k++];
            if (a->port == b->port && strcmp(a->host, b->host) == 0) continue;
            changes.n_moved++;
            say_change(&changes, "has moved", b);
        }
    }
    return changes;
}

int peers_set(struct peers *peers, const struct loom_peer *all, size_t n)
{
    struct peers_set *new = set_new(all, n), *old = peers->now;
    struct changes changes;

    if (new == NULL) return LOOM_E_NOMEM;
    if (new->n < n)
        LOG_WARN("discovery", "%zu of %zu peers were left out: no name or host, the same name "
                              "twice, or more than %d", n - new->n, n, CONTROL_PEERS_MAX);
    changes = compare(old, new);
    if (changes.n_came + changes.n_gone + changes.n_moved > 0)
        LOG_INFO("discovery", "%zu peers: %zu new, %zu gone, %zu moved", new->n, changes.n_came,
                 changes.n_gone, changes.n_moved);
    pthread_mutex_lock(&peers->lock);
    peers->now = new;
    pthread_mutex_unlock(&peers->lock);
    mem_free(MEM_OTHER, old);
    return 0;
}

size_t peers_each(struct peers *peers, void (*each)(void *arg, const struct control_peer *peer),
                  void *arg)
{
    size_t n;

    pthread_mutex_lock(&peers->lock);
    n = peers->now ? peers->now->n : 0;
    for (size_t i = 0; i < n && each != NULL; i++) each(arg, &peers->now->all[i]);
    pthread_mutex_unlock(&peers->lock);
    return n;
}
