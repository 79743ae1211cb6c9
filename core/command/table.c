/* table.c - which commands there are, found by name in a few nanoseconds.
 *
 * Rows are copied, in order of registration, into one array: a row's place in it is its index, and
 * command_index() is a subtraction.  Beside it stands an open-addressed hash table of names:
 *
 *   name "Get" -> | t e g |, length 3  lowered, up to 16 bytes in two words -> hash -> slot -> row
 *
 * The two words and the length say all of the name, so one comparison of integers decides; no
 * string is walked.  Not here: what a command does, nor whether it may run.
 */
#include "core/command/command.h"

#include <string.h>

#include "core/base/error.h"

#define COMMANDS_MAX 256u
#define SLOTS 1024u /* at most a quarter full: nearly every name is found at its first slot */
#define NAME_MAX_BYTES 16u

struct name {
    uint64_t head, tail; /* the first and the last (at most) 8 bytes, lowered */
    uint32_t bytes;
};

struct slot {
    struct name name;
    uint32_t row_plus_1; /* 0: free */
};

static struct command rows[COMMANDS_MAX];
static size_t n_rows;
static struct slot slots[SLOTS];

/* A to Z become a to z in eight bytes at once; other bytes, those above 127 included, stay. */
static inline uint64_t lower8(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101ull;
    uint64_t low7 = word & (0x7f * ones);
    uint64_t over_z = low7 + (0x7f - 'Z') * ones;
    uint64_t from_a = low7 + (0x80 - 'A') * ones;
    uint64_t upper = ~word & (from_a ^ over_z) & (0x80 * ones);

    return word | upper >> 2;
}

/* Short names are loaded as overlapping pieces: never a byte beyond the name, never a loop. */
static inline bool name_load(struct slice text, struct name *ret)
{
    const char *at = text.at;
    size_t n = text.bytes;
    uint64_t head = 0, tail = 0;

    if (n == 0 || n > NAME_MAX_BYTES) return false;
    if (n >= 8) {
        memcpy(&head, at, 8);
        memcpy(&tail, at + n - 8, 8);
    } else if (n >= 4) {
        memcpy(&head, at, 4);
        memcpy(&tail, at + n - 4, 4);
    } else {
        head = (unsigned char)at[0];
        head |= (uint64_t)(unsigned char)at[n / 2] << 8;
        head |= (uint64_t)(unsigned char)at[n - 1] << 16;
    }
    *ret = (struct name){lower8(head), lower8(tail), (uint32_t)n};
    return true;
}

static inline uint32_t name_slot(const struct name *name)
{
    uint64_t mixed = (name->head ^ name->tail << 7 ^ name->bytes) * 0x9e3779b97f4a7c15ull;

    return (uint32_t)(mixed >> 54); /* 10 bits: SLOTS */
}
LOOM_STATIC_ASSERT(SLOTS == 1u << 10, "name_slot() takes ten bits");

/* The slot that holds the name, or the free one where it would be put. */
static inline struct slot *slot_of(const struct name *name)
{
    uint32_t i = name_slot(name);

    for (;; i = (i + 1) % SLOTS) {
        struct slot *slot = &slots[i];
        if (slot->row_plus_1 == 0) return slot;
        if (slot->name.head == name->head && slot->name.tail == name->tail &&
            slot->name.bytes == name->bytes)
            return slot;
    }
}

int command_register(const struct command *from)
{
    for (; from->name != NULL; from++) {
        struct name name;
        struct slot *slot;

        if (n_rows == COMMANDS_MAX) return LOOM_E_LIMIT;
        if (!name_load(slice_of(from->name, strlen(from->name)), &name)) return LOOM_E_LIMIT;
        slot = slot_of(&name);
        if (slot->row_plus_1 != 0) return LOOM_E_INVALID;
        rows[n_rows] = *from;
        *slot = (struct slot){name, (uint32_t)++n_rows};
    }
    return 0;
}

const struct command *command_find(struct slice text)
{
    struct name name;
    const struct slot *slot;

    if (!name_load(text, &name)) return NULL;
    slot = slot_of(&name);
    return slot->row_plus_1 != 0 ? &rows[slot->row_plus_1 - 1] : NULL;
}

const struct command *command_child(const struct command *parent, struct slice name)
{
    if (parent->children == NULL) return NULL;
    for (const struct command *child = parent->children; child->name != NULL; child++) {
        const char *bar = strchr(child->name, '|');
        if (slice_is(name, bar != NULL ? bar + 1 : child->name)) return child;
    }
    return NULL;
}

size_t command_count(void) { return n_rows; }

const struct command *command_at(size_t i)
{
    LOOM_ASSERT(i < n_rows);
    return &rows[i];
}

size_t command_index(const struct command *command)
{
    if (__builtin_expect(command >= rows && command < rows + n_rows, 1))
        return (size_t)(command - rows);
    for (size_t i = 0; i < n_rows; i++)
        for (const struct command *child = rows[i].children; child && child->name; child++)
            if (child == command) return i;
    LOOM_ASSERT(!"a row that was never registered");
    return 0;
}

int command_keys(const struct command *command, uint32_t argc, const struct slice *argv,
                 uint32_t *ret, uint32_t room)
{
    int64_t first = command->first_key, last = command->last_key, step = command->key_step;
    int64_t n = 0;

    if (first <= 0) return 0;
    if (command->flags & COMMAND_KEYS_BY_COUNT) {
        if (first > argc || !bytes_to_i64(argv[first - 1], &n)) return -1;
        if (n < 1 || n > (int64_t)argc - first) return -1;
        last = first + n - 1;
    } else if (last < 0) {
        last += argc;
    }
    if (first >= argc || last >= argc || last < first || step < 1) return -1;
    n = 0;
    for (int64_t i = first; i <= last; i += step, n++)
        if (n < room) ret[n] = (uint32_t)i;
    return (int)n;
}
