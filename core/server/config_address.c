/* config_address.c - a list of addresses to listen on, taken apart.  Numeric addresses only: a name
 * may resolve to something else tomorrow, and which addresses are open should be readable. */
#include "core/server/config_plan.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct list {
    struct config_address *at;
    size_t n, room;
};

static int add(struct list *list, const char *text, int family, bool loopback, bool dual,
               struct error *error)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->at[i].text, text) == 0)
            return error_set(error, LOOM_E_CONFIG, "expected each address once, %s is there twice",
                             text);
    if (list->n == list->room)
        return error_set(error, LOOM_E_CONFIG, "expected at most %zu addresses", list->room);
    struct config_address *address = &list->at[list->n++];
    snprintf(address->text, sizeof address->text, "%s", text);
    address->family = family;
    address->loopback = loopback;
    address->dual = dual;
    return 0;
}

static int add_numeric(struct list *list, const char *text, struct error *error)
{
    char canonical[INET6_ADDRSTRLEN], shown[64];
    struct in6_addr six;
    struct in_addr four;

    if (inet_pton(AF_INET, text, &four) == 1) {
        inet_ntop(AF_INET, &four, canonical, sizeof canonical);
        return add(list, canonical, AF_INET, (ntohl(four.s_addr) >> 24) == 127, false, error);
    }
    if (inet_pton(AF_INET6, text, &six) == 1) {
        bool mapped = IN6_IS_ADDR_V4MAPPED(&six);
        inet_ntop(AF_INET6, &six, canonical, sizeof canonical);
        return add(list, canonical, AF_INET6,
                   IN6_IS_ADDR_LOOPBACK(&six) || (mapped && six.s6_addr[12] == 127), false, error);
    }
    return error_set(error, LOOM_E_CONFIG,
                     "expected numeric addresses, localhost or *, separated by commas; \"%s\" is "
                     "none of these",
                     option_printable(text, shown, sizeof shown));
}

static int add_word(struct list *list, const char *word, struct error *error)
{
    size_t n = strlen(word);
    char inner[INET6_ADDRSTRLEN];
    int rc;

    if (strcasecmp(word, "localhost") == 0) {
        rc = add(list, "127.0.0.1", AF_INET, true, false, error);
        return rc == 0 ? add(list, "::1", AF_INET6, true, false, error) : rc;
    }
    if (strcmp(word, "*") == 0) return add(list, "::", AF_INET6, false, true, error);
    if (n > 2 && n - 2 < sizeof inner && word[0] == '[' && word[n - 1] == ']') { /* [::1] */
        memcpy(inner, word + 1, n - 2);
        inner[n - 2] = '\0';
        return add_numeric(list, inner, error);
    }
    return add_numeric(list, word, error);
}

int config_addresses(const char *bind, struct config_address *ret, size_t room,
                     struct error *error)
{
    struct list list = {.at = ret, .room = room};
    struct slice rest = slice_of(bind, strlen(bind)), word;
    char copy[64];
    int rc;

    while (config_word(&rest, &word)) {
        size_t n = word.bytes < sizeof copy - 1 ? word.bytes : sizeof copy - 1;
        memcpy(copy, word.at, n);
        copy[n] = '\0';
        rc = add_word(&list, copy, error);
        if (rc != 0) return rc;
    }
    if (list.n == 0)
        return error_set(error, LOOM_E_CONFIG,
                         "expected at least one address; to listen on none, set the port to 0");
    return (int)list.n;
}
