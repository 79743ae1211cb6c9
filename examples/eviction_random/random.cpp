/* random.cpp - random.c once more, in C++17: the same policy, the same door.
 *
 * What to mind in C++: nothing may be thrown across the host's calls, and the instance is raw
 * zeroed memory with the options filled in, so it stays a plain struct (no constructors, no
 * virtual functions).  Whatever wants a constructor hangs on a pointer, made in init() and
 * deleted in fini(). */
#include <algorithm>
#include <array>
#include <type_traits>

#include <loomcache/eviction.h>

namespace {

constexpr std::size_t draws_max = 16;

struct Policy {
    uint32_t draws; // option
    const loom_host *host;
    const loom_eviction_env *env;
    uint64_t *evicted_bytes; // a counter of ours

    static Policy &of(void *self) noexcept { return *static_cast<Policy *>(self); }
};
static_assert(std::is_trivial_v<Policy> && std::is_standard_layout_v<Policy>);

int init(void *self, const loom_host *host, const loom_eviction_env *env) noexcept
{
    Policy &policy = Policy::of(self);

    policy.host = host;
    policy.env = env;
    policy.evicted_bytes = host->counter(host, "evicted_bytes", "Bytes of the entries evicted.");
    return 0;
}

void fini(void *) noexcept {}
void inserted(void *, loom_entry *, uint64_t) noexcept {}
void restored(void *, loom_entry *) noexcept {}

void removed(void *self, loom_entry *e, uint64_t, loom_removal why) noexcept
{
    if (why == LOOM_EVICTED) loom_count(Policy::of(self).evicted_bytes, loom_entry_bytes(e));
}

loom_entry *evict(void *self) noexcept
{
    const Policy &policy = Policy::of(self);
    std::array<loom_entry *, draws_max> drawn;
    const auto end =
        drawn.begin() + static_cast<std::ptrdiff_t>(
                            policy.env->sample(policy.host, drawn.data(), policy.draws));
    const auto largest =
        std::max_element(drawn.begin(), end, [](const loom_entry *a, const loom_entry *b) {
            return loom_entry_bytes(a) < loom_entry_bytes(b);
        });

    return largest == end ? nullptr : *largest;
}

const loom_option options[] = {
    LOOM_OPTION(U32, "draws", Policy, draws, "1", 1, draws_max,
                "How many entries are drawn; the largest of them leaves."),
    LOOM_OPTION_END,
};

/* C++17 has no designated initialisers: a constant built by a function says the same. */
const loom_eviction_ops ops = [] {
    loom_eviction_ops o{};
    o.struct_size = sizeof o;
    o.instance_size = sizeof(Policy);
    o.touch.kind = LOOM_TOUCH_NONE;
    o.options = options;
    o.init = init;
    o.fini = fini;
    o.inserted = inserted;
    o.removed = removed;
    o.evict = evict;
    o.restored = restored;
    return o;
}();

} // namespace

LOOM_PLUGIN("You", "1.0", "Apache-2.0",
            LOOM_OFFER_EVICTION("random_cpp", "the largest of a few entries drawn at random", &ops))
