/* loadgen.c - one lean load generator for every server, so that the client costs the same whatever
 * the protocol: RESP (resp) and memcached's meta commands (meta) and classic text (text).
 *
 *   loadgen --port N --op get|set [OPTION...]        (127.0.0.1 only; options: see their table)
 *
 * Closed loop by default: each connection sends `pipeline` requests in one write, waits for all
 * replies, sends again.  With --rate R it is an open loop: requests are due at set times; their
 * latency counts from then, so that a server that stalls cannot hide it (no coordinated omission).
 * Prints one JSON object; with --hold it then keeps its connections until standard input ends.
 * Not a test client: a reply is checked for being an error or a miss, not for its bytes. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum protocol { RESP, META, TEXT };
enum { SUB = 64, BUCKETS = SUB * 40, MAX_THREADS = 16, MAX_PIPELINE = 1024, IN_BYTES = 1 << 16 };
enum { VALUES_BYTES = 1 << 16, EVENTS = 256, TICK_NS = 100000000 };
#define STRAGGLERS_NS 2000000000u /* how long replies may be late at the end of a timed run */
#define BOUND_NS 600000000000u    /* a counted run that takes longer is given up */

static enum protocol protocol;
static int port, n_connections = 50, n_threads = 2, pipeline = 1, key_bytes = 16, value_bytes = 64;
static int is_set = -1, sequential, hold, n_active;
static uint64_t n_keys = 1000000, count, per_connection, seed = 1;
static double seconds = 2, rate;
static _Atomic uint64_t issued;
static atomic_int ready, go;

struct connection {
    int fd, left; /* replies still due of this batch */
    uint64_t due_ns, n_batches;
    char *in;
    size_t end, at, skip; /* in[at..end) is unread; skip: bytes of a value still to come */
};

struct thread {
    pthread_t thread;
    int id, epoll, n_connections, n_idle, n_busy, n_active;
    uint64_t random, ops, errors, misses, max_ns, end_ns, histogram[BUCKETS];
    char *values, *out, first_error[120];
    struct connection *connections, **idle;
};

static void die(const char *what)
{
    fprintf(stderr, "loadgen: %s: %s\n", what, strerror(errno));
    exit(3);
}

static void *must(void *memory)
{
    if (memory == NULL) die("memory");
    return memory;
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* xorshift64* (Vigna, 2016). */
static uint64_t draw(struct thread *t)
{
    t->random ^= t->random << 13;
    t->random ^= t->random >> 7;
    t->random ^= t->random << 17;
    return t->random * 0x2545F4914F6CDD1Du >> 11;
}

/* A histogram with 64 buckets per power of two: 1.6 % wide. */
static int bucket_of(uint64_t ns)
{
    if (ns < SUB) return (int)ns;
    int e = 63 - __builtin_clzll(ns) - 6;
    int b = (e + 1) * SUB + (int)((ns >> e) - SUB);

    return b < BUCKETS ? b : BUCKETS - 1;
}

static double bucket_upper_ns(int b)
{
    if (b < SUB) return b;
    return (double)((uint64_t)(b % SUB + SUB + 1) << (b / SUB - 1));
}

/* ---- requests ---- */

static char *put(char *at, const char *from, size_t n)
{
    memcpy(at, from, n);
    return at + n;
}

static char *put_text(char *at, const char *text)
{
    return put(at, text, strlen(text));
}

static char *put_key(char *at, uint64_t id)
{
    memcpy(at, "key:", 4);
    for (int i = key_bytes - 1; i >= 4; i--, id /= 10) at[i] = (char)('0' + id % 10);
    return at + key_bytes;
}

/* What stands before and between key and value, the same for every request; made once. */
static char head[64], middle[64];
static const char *tail = "\r\n";

static void make_request_parts(void)
{
    switch (protocol) {
    case RESP:
        sprintf(head, "*%d\r\n$3\r\n%s\r\n$%d\r\n", is_set ? 3 : 2, is_set ? "SET" : "GET",
                key_bytes);
        if (is_set) sprintf(middle, "\r\n$%d\r\n", value_bytes);
        break;
    case META:
        strcpy(head, is_set ? "ms " : "mg ");
        if (is_set) sprintf(middle, " %d\r\n", value_bytes);
        else strcpy(middle, " v");
        break;
    case TEXT:
        strcpy(head, is_set ? "set " : "get ");
        if (is_set) sprintf(middle, " 0 0 %d\r\n", value_bytes);
        break;
    }
}

static char *put_request(struct thread *t, char *at, uint64_t id)
{
    at = put_text(at, head);
    at = put_key(at, id);
    at = put_text(at, middle);
    if (is_set) at = put(at, t->values + draw(t) % VALUES_BYTES, (size_t)value_bytes);
    return put_text(at, tail);
}

static void send_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = write(fd, p, n);
        struct pollfd writable = {.fd = fd, .events = POLLOUT};

        if (sent > 0) {
            p += sent;
            n -= (size_t)sent;
        } else if (errno == EAGAIN || errno == EINTR) {
            poll(&writable, 1, 1000);
        } else {
            die("write");
        }
    }
}

/* Sends a batch that was due at due_ns: 0 when there is nothing more to send. */
static int send_batch(struct thread *t, struct connection *c, uint64_t due_ns)
{
    uint64_t from = 0;
    int n = pipeline;
    char *at = t->out;

    if (per_connection > 0 && c->n_batches >= per_connection) return 0;
    if (count > 0 || sequential) {
        from = atomic_fetch_add(&issued, (uint64_t)pipeline);
        if (count > 0 && from >= count) return 0;
        if (count > 0 && from + (uint64_t)n > count) n = (int)(count - from);
    }
    for (int i = 0; i < n; i++)
        at = put_request(t, at, sequential ? (from + (uint64_t)i) % n_keys : draw(t) % n_keys);
    c->left = n;
    c->due_ns = due_ns;
    c->n_batches++;
    send_all(c->fd, t->out, (size_t)(at - t->out));
    return 1;
}

/* ---- replies ---- */

enum verdict { FINE, ERROR, MISS };

/* Length of the reply at p[0..n), which may go beyond n where a value is still to come; 0 when its
 * first line is not there yet. */
static size_t measure_reply(const char *p, size_t n, enum verdict *ret_verdict)
{
    const char *end = n > 1 ? memmem(p, n, "\r\n", 2) : NULL;
    size_t line;

    *ret_verdict = FINE;
    if (end == NULL) return 0;
    line = (size_t)(end + 2 - p);
    if (protocol == RESP && *p == '$') {
        long bytes = strtol(p + 1, NULL, 10);

        if (bytes >= 0) return line + (size_t)bytes + 2;
        *ret_verdict = MISS;
    } else if (protocol == RESP) {
        *ret_verdict = *p == '-' ? ERROR : *p == '_' ? MISS : FINE;
    } else if (memcmp(p, "VA ", 3) == 0) {
        return line + strtoul(p + 3, NULL, 10) + 2;
    } else if (memcmp(p, "VALUE ", 6) == 0) {
        while (end[-1] != ' ') end--;
        return line + strtoul(end, NULL, 10) + 2 + strlen("END\r\n");
    } else if (memcmp(p, "EN", 2) == 0) {
        *ret_verdict = MISS;
    } else if (memcmp(p, "HD", 2) != 0 && memcmp(p, "STORED", 6) != 0) {
        *ret_verdict = ERROR;
    }
    return line;
}

/* Takes one reply, or the rest of one, from what has arrived: 0 when more is needed. */
static int take_reply(struct thread *t, struct connection *c)
{
    size_t have = c->end - c->at, bytes = c->skip;
    enum verdict verdict;

    if (bytes == 0) {
        const char *p = c->in + c->at;

        bytes = measure_reply(p, have, &verdict);
        if (bytes == 0) return 0;
        if (verdict == ERROR && t->errors++ == 0)
            snprintf(t->first_error, sizeof t->first_error, "%.*s", (int)strcspn(p, "\r\n\"\\"), p);
        if (verdict == MISS) t->misses++;
    }
    c->skip = bytes > have ? bytes - have : 0;
    c->at += bytes > have ? have : bytes;
    return c->skip == 0;
}

/* Reads what is there: 1 when the batch is complete. */
static int receive(struct thread *t, struct connection *c)
{
    if (c->at == c->end) c->at = c->end = 0;
    if (c->at > IN_BYTES / 2) {
        memmove(c->in, c->in + c->at, c->end - c->at);
        c->end -= c->at;
        c->at = 0;
    }
    ssize_t n = read(c->fd, c->in + c->end, IN_BYTES - c->end);

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (n < 0) die("read");
    if (n == 0) {
        fprintf(stderr, "loadgen: the server closed a connection\n");
        exit(3);
    }
    c->end += (size_t)n;
    c->in[c->end] = 0;
    uint64_t ns = now_ns() - c->due_ns;

    while (c->left > 0 && take_reply(t, c)) {
        t->ops++;
        t->histogram[bucket_of(ns)]++;
        if (ns > t->max_ns) t->max_ns = ns;
        c->left--;
    }
    return c->left == 0;
}

/* ---- one thread ---- */

static void open_connection(struct thread *t, struct connection *c)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    int on = 1;

    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0) die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->in = must(malloc(IN_BYTES + 1));
    if (epoll_ctl(t->epoll, EPOLL_CTL_ADD, c->fd, &event) != 0) die("epoll_ctl");
    t->idle[t->n_idle++] = c;
}

/* Starts idle connections up to n_active; those whose work is done stay idle for good. */
static void start_idle(struct thread *t)
{
    while (t->n_idle > 0 && t->n_busy < t->n_active)
        if (send_batch(t, t->idle[--t->n_idle], now_ns())) t->n_busy++;
}

static void finish_batch(struct thread *t, struct connection *c, int may_send)
{
    t->n_busy--;
    if (rate > 0)
        t->idle[t->n_idle++] = c;
    else if (may_send && send_batch(t, c, now_ns()))
        t->n_busy++;
    else if (may_send)
        start_idle(t);
}

struct schedule {
    uint64_t start_ns, stop_ns, due_ns, gap_ns;
};

/* Sends what is due in an open loop; returns for how long there is nothing to do. */
static long send_due(struct thread *t, struct schedule *s, uint64_t now)
{
    uint64_t until;

    while (s->due_ns <= now && s->due_ns < s->stop_ns && t->n_idle > 0) {
        if (send_batch(t, t->idle[--t->n_idle], s->due_ns)) t->n_busy++;
        s->due_ns += s->gap_ns;
    }
    until = s->due_ns < s->stop_ns && t->n_idle > 0 ? s->due_ns : now + TICK_NS;
    if (until > now + TICK_NS) until = now + TICK_NS;
    return until > now ? (long)(until - now) : 0;
}

static int is_over(const struct thread *t, const struct schedule *s, uint64_t now)
{
    if (count > 0 || per_connection > 0) return t->n_busy == 0 || now > s->start_ns + BOUND_NS;
    return now >= s->stop_ns + STRAGGLERS_NS || (now >= s->stop_ns && t->n_busy == 0);
}

static void *run(void *arg)
{
    struct thread *t = arg;
    struct epoll_event events[EVENTS];
    struct schedule s;
    uint64_t now;

    t->epoll = epoll_create1(0);
    for (int i = 0; i < t->n_connections; i++) open_connection(t, &t->connections[i]);
    atomic_fetch_add(&ready, 1);
    while (!atomic_load(&go)) usleep(200);
    s.start_ns = now_ns();
    s.stop_ns = s.start_ns + (uint64_t)(seconds * 1e9);
    s.gap_ns = rate > 0 ? (uint64_t)(1e9 * n_threads * pipeline / rate) : 0;
    s.due_ns = s.start_ns + s.gap_ns * (uint64_t)t->id / (uint64_t)n_threads;
    if (rate <= 0) start_idle(t);
    while (now = now_ns(), !is_over(t, &s, now)) {
        struct timespec wait = {0, rate > 0 ? send_due(t, &s, now) : TICK_NS};
        int n = epoll_pwait2(t->epoll, events, EVENTS, &wait, NULL);

        for (int i = 0; i < n; i++)
            if (receive(t, events[i].data.ptr))
                finish_batch(t, events[i].data.ptr,
                             count > 0 || per_connection > 0 || now_ns() < s.stop_ns);
    }
    t->end_ns = now_ns();
    return NULL;
}

/* ---- options and the result ---- */

static const struct option options[] = {
    {"protocol", 1, 0, 'p'}, /* resp, meta or text */
    {"port", 1, 0, 'P'},
    {"op", 1, 0, 'o'}, /* get or set */
    {"connections", 1, 0, 'c'},
    {"threads", 1, 0, 't'},
    {"pipeline", 1, 0, 'd'},
    {"keys", 1, 0, 'k'}, /* drawn at random of this many, or with --sequential one by one */
    {"key-bytes", 1, 0, 'K'},
    {"value-bytes", 1, 0, 'v'},
    {"seconds", 1, 0, 's'},
    {"count", 1, 0, 'n'},          /* so many requests instead of --seconds */
    {"per-connection", 1, 0, 'N'}, /* so many batches on each connection instead of --seconds */
    {"active", 1, 0, 'a'},         /* with --per-connection: so many connections at a time */
    {"sequential", 0, 0, 'q'},
    {"rate", 1, 0, 'r'}, /* requests per second, open loop */
    {"hold", 0, 0, 'h'},
    {"seed", 1, 0, 'S'},
    {0},
};

static enum protocol protocol_named(const char *name)
{
    return strcmp(name, "meta") == 0 ? META : strcmp(name, "text") == 0 ? TEXT : RESP;
}

static int take_option(int letter)
{
    switch (letter) {
    case 'p': protocol = protocol_named(optarg); break;
    case 'P': port = atoi(optarg); break;
    case 'o': is_set = strcmp(optarg, "set") == 0; break;
    case 'c': n_connections = atoi(optarg); break;
    case 't': n_threads = atoi(optarg); break;
    case 'd': pipeline = atoi(optarg); break;
    case 'k': n_keys = strtoull(optarg, NULL, 10); break;
    case 'K': key_bytes = atoi(optarg); break;
    case 'v': value_bytes = atoi(optarg); break;
    case 's': seconds = atof(optarg); break;
    case 'n': count = strtoull(optarg, NULL, 10); break;
    case 'N': per_connection = strtoull(optarg, NULL, 10); break;
    case 'a': n_active = atoi(optarg); break;
    case 'q': sequential = 1; break;
    case 'r': rate = atof(optarg); break;
    case 'h': hold = 1; break;
    case 'S': seed = strtoull(optarg, NULL, 10) * 2654435761u + 1; break;
    default: return -1;
    }
    return 0;
}

static int options_are_sound(void)
{
    return port > 0 && port < 65536 && is_set >= 0 && n_threads >= 1 && n_threads <= MAX_THREADS &&
           n_connections >= n_threads && pipeline >= 1 && pipeline <= MAX_PIPELINE && n_keys > 0 &&
           key_bytes >= 8 && key_bytes <= 200 && value_bytes >= 1 && value_bytes <= 1 << 20 &&
           seconds > 0 && rate >= 0 && n_active >= 0;
}

static void start_thread(struct thread *t, int id)
{
    int active = n_active > 0 ? n_active : n_connections;

    t->id = id;
    t->random = seed + 7919u * (uint64_t)(id + 1) * 0x9E3779B97F4A7C15u;
    t->n_connections = n_connections / n_threads + (id < n_connections % n_threads);
    t->n_active = active / n_threads + (id < active % n_threads);
    t->connections = must(calloc((size_t)t->n_connections, sizeof *t->connections));
    t->idle = must(calloc((size_t)t->n_connections, sizeof(struct connection *)));
    t->values = must(malloc((size_t)(VALUES_BYTES + value_bytes)));
    t->out = must(malloc((size_t)pipeline * (size_t)(400 + value_bytes)));
    for (int i = 0; i < VALUES_BYTES + value_bytes; i++) t->values[i] = (char)('a' + draw(t) % 26);
    if (pthread_create(&t->thread, NULL, run, t) != 0) die("pthread_create");
}

static double cpu_seconds(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void print_result(const struct thread *threads, uint64_t start_ns, double cpu)
{
    static const double share[] = {.5, .9, .99, .999};
    double elapsed, us[4] = {0};
    uint64_t ops = 0, errors = 0, misses = 0, max_ns = 0, end_ns = start_ns, seen = 0;
    const char *first_error = "";

    for (int i = 0; i < n_threads; i++) {
        const struct thread *t = &threads[i];

        ops += t->ops;
        errors += t->errors;
        misses += t->misses;
        if (t->max_ns > max_ns) max_ns = t->max_ns;
        if (t->end_ns > end_ns) end_ns = t->end_ns;
        if (t->first_error[0] != 0) first_error = t->first_error;
    }
    for (int b = 0, q = 0; b < BUCKETS && q < 4; b++) {
        for (int i = 0; i < n_threads; i++) seen += threads[i].histogram[b];
        while (q < 4 && ops > 0 && (double)seen >= share[q] * (double)ops)
            us[q++] = bucket_upper_ns(b) / 1e3;
    }
    elapsed = (double)(end_ns - start_ns) / 1e9;
    printf("{\"ops\":%lu,\"errors\":%lu,\"misses\":%lu,\"seconds\":%.4f,\"rps\":%.1f,\"p50\":%.1f,"
           "\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f,\"client_cpu\":%.3f,"
           "\"first_error\":\"%s\"}\n",
           ops, errors, misses, elapsed, (double)ops / elapsed, us[0], us[1], us[2], us[3],
           (double)max_ns / 1e3, cpu, first_error);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct thread threads[MAX_THREADS];
    int letter, wrong = 0;

    while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (take_option(letter) != 0) wrong = 1;
    if (wrong || !options_are_sound()) {
        fprintf(stderr, "usage: loadgen --port N --op get|set [OPTION...]; limits: its source\n");
        return 2;
    }
    make_request_parts();
    for (int i = 0; i < n_threads; i++) start_thread(&threads[i], i);
    while (atomic_load(&ready) < n_threads) usleep(1000);
    double cpu = cpu_seconds();
    uint64_t start_ns = now_ns();

    atomic_store(&go, 1);
    for (int i = 0; i < n_threads; i++) pthread_join(threads[i].thread, NULL);
    print_result(threads, start_ns, cpu_seconds() - cpu);
    for (char c; hold && read(0, &c, 1) > 0;) {
    }
    return 0;
}
