/* Plays Asterisk's side of FastAGI: keeps N calls open, answers each command, opens a new call for each that ends.
 *
 * Usage: generator PORT PID CALLS COMMANDS SECONDS DELAY_MS IDLE
 *    or: generator PORT PID CALLS COMMANDS MOST DELAY_MS 2 KEYS WAV SECRET FIRST KEPT
 *   PID       the server's process, whose CPU time and memory are reported
 *   COMMANDS  how many a whole call has; a call that ends with fewer has failed
 *   DELAY_MS  how late each reply is, as when a prompt plays
 *   IDLE      1: open all calls, leave the first command of each without a reply for SECONDS, then finish them
 *             2: MOST calls in all walk the menu: each presses KEYS as they are asked for, then none, and her
 *             recording is a link to WAV; SECRET is her first argument, FIRST the number of the first caller. A
 *             call that does not come to IVR_DONE has failed. In the file KEPT stands, a line each, which
 *             caller's words were said to be safe when (microseconds since 1970).
 * Prints one JSON object. `command_ms` is from a reply to the next command, `first_ms` from connect to the first.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

struct call {
    int fd, commands, seen; /* seen: bytes of the present line kept in `start` */
    unsigned life;          /* counts the calls this slot has had */
    int connected, waiting; /* waiting: for its first command */
    int64_t opened, replied;
    unsigned long number; /* of the caller */
    int key, done;        /* how many keys she has pressed; whether IVR_DONE was set */
    char pressed[16];     /* what the latest Read took */
    char start[512];
};
struct late { struct call *call; unsigned life; int64_t due; };
struct samples { float *ms; size_t many, room; };

static const char HEADER[] =
    "agi_network: yes\nagi_network_script: bench\nagi_request: agi://127.0.0.1/bench\n"
    "agi_channel: PJSIP/trunk-0000002a\nagi_language: fa\nagi_type: PJSIP\nagi_uniqueid: 1764028800.%lu\n"
    "agi_version: 22.10.1\nagi_callerid: 0%lu\nagi_calleridname: unknown\nagi_callingpres: 0\n"
    "agi_callingani2: 0\nagi_callington: 0\nagi_callingtns: 0\nagi_dnid: 111\nagi_rdnis: unknown\n"
    "agi_context: inbound\nagi_extension: 111\nagi_priority: 3\nagi_enhanced: 0.0\nagi_accountcode: \n"
    "agi_threadid: 140231742678784\nagi_arg_1: %s\nagi_arg_2: \n\n";
static const unsigned long CALLER = 2155500111;
static const char *secret = "secret", *keys, *wav; /* keys, wav: of a walk */
static uint64_t most = UINT64_MAX;                  /* calls in all */
static FILE *kept;

static struct call *calls;
static struct late *queue;
static size_t queue_room, queue_first, queue_many;
static struct samples command_ms, first_ms;
static int epoll_fd, port, whole, delay_ms, measuring, replacing = 1, pending, held, holding;
static uint64_t opened, finished, failed, commands;

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void note(struct samples *to, int64_t us) {
    if (!measuring) return;
    if (to->many == to->room) {
        to->room = to->room ? to->room * 2 : 65536;
        to->ms = realloc(to->ms, to->room * sizeof *to->ms);
    }
    to->ms[to->many++] = (float)us / 1000;
}

static int by_size(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void print_samples(const char *name, struct samples *of) {
    qsort(of->ms, of->many, sizeof *of->ms, by_size);
    printf(", \"%s_p50\": %.3f, \"%s_p99\": %.3f", name, of->many ? of->ms[of->many / 2] : 0, name,
           of->many ? of->ms[of->many * 99 / 100] : 0);
}

static double cpu_seconds(int pid) {
    char path[64], text[1024];
    unsigned long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    char *after_name = strrchr(text, ')');
    if (after_name) sscanf(after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static double resident_mb(int pid) {
    char path[64];
    long size = 0, resident = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", pid);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    if (fscanf(file, "%ld %ld", &size, &resident) != 2) resident = 0;
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1048576;
}

static void open_call(struct call *call) {
    if (opened >= most) return;
    int on = 1;
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    from.sin_addr.s_addr = htonl(0x7f000002 + (uint32_t)(opened++ % 64)); /* spreads the ports in TIME_WAIT */
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    unsigned life = call->life + 1;
    memset(call, 0, sizeof *call);
    call->life = life;
    call->number = keys ? CALLER + opened : CALLER;
    call->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (call->fd < 0) { perror("socket"); exit(2); }
    setsockopt(call->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(call->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    bind(call->fd, (struct sockaddr *)&from, sizeof from);
    call->opened = now_us();
    call->waiting = 1;
    pending++;
    connect(call->fd, (struct sockaddr *)&to, sizeof to);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = call};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, call->fd, &event);
}

static void end_call(struct call *call) {
    if (keys ? call->done : call->commands >= whole) finished += measuring;
    else failed++;
    pending -= call->waiting;
    close(call->fd);
    call->fd = -1;
    call->life++;
    if (replacing) open_call(call);
}

/* The keys that this Read takes. */
static void press(struct call *call) {
    const char *files = strchr(call->start, ','), *room = files ? strchr(files + 1, ',') : NULL;
    int many = 0, want = room ? atoi(room + 1) : 1;
    while (many < want && many < (int)sizeof call->pressed - 1 && keys[call->key]) call->pressed[many++] = keys[call->key++];
    call->pressed[many] = 0;
}

/* Put a copy of WAV in its place: a file of ext4 has 65,000 names at most. */
static int renew(void) {
    char fresh[520];
    snprintf(fresh, sizeof fresh, "%s.fresh", wav);
    int from = open(wav, O_RDONLY), to = open(fresh, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (from < 0 || to < 0) return -1;
    ssize_t some;
    while ((some = sendfile(to, from, NULL, 1 << 20)) > 0) {}
    close(from);
    return some || close(to) ? -1 : rename(fresh, wav);
}

static void record(struct call *call) {
    char path[512], file[520];
    if (sscanf(call->start, "RECORD FILE %511s", path) != 1) return;
    snprintf(file, sizeof file, "%s.wav", path);
    if (!link(wav, file) || (errno == EMLINK && !renew() && !link(wav, file))) return;
    perror(file);
    exit(2);
}

/* What Asterisk says to a call that walks the menu. */
static const char *walked(struct call *call) {
    static char text[128];
    if (!strncmp(call->start, "EXEC Read", 9)) press(call);
    else if (!strncmp(call->start, "SET VARIABLE IVR_DONE", 21)) call->done = 1;
    else if (!strncmp(call->start, "GET FULL", 8)) {
        snprintf(text, sizeof text, "200 result=1 (%s %s)\n", *call->pressed ? "OK" : "TIMEOUT", call->pressed);
        return text;
    } else if (!strncmp(call->start, "RECORD", 6)) {
        record(call);
        return "200 result=35 (dtmf) endpos=64000\n";
    }
    return strncmp(call->start, "SET", 3) ? "200 result=0\n" : "200 result=1\n";
}

static void reply(struct call *call) {
    const char *text = "200 result=0\n";
    if (keys) text = walked(call);
    else if (!strncmp(call->start, "GET", 3)) text = "200 result=1 (OK 1)\n";
    else if (!strncmp(call->start, "SET", 3)) text = "200 result=1\n";
    else if (!strncmp(call->start, "RECORD", 6)) text = "200 result=0 (randomerror) endpos=0\n";
    call->replied = now_us();
    if (send(call->fd, text, strlen(text), MSG_NOSIGNAL) < 0) end_call(call);
}

static void note_kept(struct call *call) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    fprintf(kept, "%lu %lld\n", call->number, (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000);
}

static void on_command(struct call *call, int64_t now) {
    if (keys && !strncmp(call->start, "SET VARIABLE IVR_KEPT 1", 23)) note_kept(call);
    if (call->waiting) { note(&first_ms, now - call->opened); call->waiting = 0; pending--; }
    else note(&command_ms, now - call->replied);
    call->commands++;
    commands += (uint64_t)measuring;
    if (holding && call->commands == 1) { held++; return; }
    if (!delay_ms) { reply(call); return; }
    queue[(queue_first + queue_many++) % queue_room] = (struct late){call, call->life, now + delay_ms * 1000};
}

static void on_event(struct call *call) {
    char buffer[16384];
    ssize_t got;
    unsigned life = call->life;
    if (!call->connected) {
        char header[2048];
        int size = snprintf(header, sizeof header, HEADER, call->number - CALLER + 42, call->number, secret);
        if (send(call->fd, header, (size_t)size, MSG_NOSIGNAL) < 0) {
            if (errno != EAGAIN && errno != ENOTCONN) end_call(call);
            return;
        }
        call->connected = 1;
    }
    while ((got = recv(call->fd, buffer, sizeof buffer, 0)) > 0) {
        int64_t now = now_us();
        for (char *at = buffer; at < buffer + got; at++) {
            if (*at != '\n') {
                int blank = !call->seen && *at == ' '; /* passed over, as Asterisk does: zaf/agi begins with one */
                if (!blank && call->seen < (int)sizeof call->start - 1) call->start[call->seen++] = *at;
                continue;
            }
            call->start[call->seen] = 0;
            call->seen = 0;
            on_command(call, now);
            if (call->life != life) return;
        }
    }
    if (got == 0 || errno != EAGAIN) end_call(call);
}

static void run_until(int64_t until) {
    struct epoll_event events[256];
    int64_t now;
    while ((now = now_us()) < until) {
        int64_t wait = until - now;
        if (queue_many && queue[queue_first].due - now < wait) wait = queue[queue_first].due - now;
        int many = epoll_wait(epoll_fd, events, 256, wait < 0 ? 0 : (int)(wait / 1000 + (wait % 1000 > 0)));
        for (int i = 0; i < many; i++) on_event(events[i].data.ptr);
        for (now = now_us(); queue_many && queue[queue_first].due <= now; queue_many--) {
            struct late late = queue[queue_first];
            queue_first = (queue_first + 1) % queue_room;
            if (late.life == late.call->life) reply(late.call);
        }
    }
}

/* Opens all calls, no more than 256 at a time waiting for their first command. Gives up after `seconds`. */
static int open_all(int many, int seconds) {
    int open = 0;
    for (int64_t until = now_us() + seconds * 1000000LL; open < many && now_us() < until; run_until(now_us() + 500))
        while (open < many && pending < 256) open_call(&calls[open++]);
    return open;
}

static void finish_all(int many, int seconds) {
    replacing = 0;
    for (int64_t until = now_us() + seconds * 1000000LL; now_us() < until; run_until(now_us() + 10000)) {
        int open = 0;
        for (int i = 0; i < many; i++) open += calls[i].fd > 0;
        if (!open) return;
    }
    for (int i = 0; i < many; i++) failed += calls[i].fd > 0; /* stuck */
}

static void idle(int many, int seconds, int pid) {
    double before = resident_mb(pid);
    holding = 1, replacing = 0;
    int open = open_all(many, 60);
    for (int wait = 0; wait < 100 && held < open; wait++) run_until(now_us() + 100000);
    run_until(now_us() + seconds * 1000000LL);
    double during = resident_mb(pid);
    holding = 0, measuring = 1;
    for (int i = 0; i < many; i++) if (calls[i].fd > 0 && calls[i].commands == 1) reply(&calls[i]);
    finish_all(many, 60);
    printf("{\"held\": %d, \"mb\": %.1f, \"finished\": %lu, \"failed\": %lu}\n", held, during - before,
           (unsigned long)finished, (unsigned long)failed + (unsigned long)(many - open));
}

static void load(int many, double seconds, int pid) {
    open_all(many, 30);
    run_until(now_us() + 1000000 + delay_ms * 4000 + many * 400LL); /* until calls no longer come in step */
    double cpu = cpu_seconds(pid);
    int64_t start = now_us();
    measuring = 1;
    run_until(start + (int64_t)(seconds * 1e6));
    double took = (double)(now_us() - start) / 1e6;
    cpu = cpu_seconds(pid) - cpu;
    measuring = 0;
    uint64_t done = finished;
    finish_all(many, 20 + delay_ms / 20);
    printf("{\"calls\": %lu, \"calls_s\": %.1f, \"commands_s\": %.1f, \"cpu\": %.4f, \"cpu_us\": %.2f, \"failed\": %lu",
           (unsigned long)done, (double)done / took, (double)commands / took, cpu / took,
           commands ? cpu * 1e6 / ((double)commands / whole) : 0, (unsigned long)failed);
    print_samples("command_ms", &command_ms);
    print_samples("first_ms", &first_ms);
    printf("}\n");
}

/* `many` at once until all have been. */
static void walk(int many, double all, int pid) {
    most = (uint64_t)all + opened;
    measuring = 1;
    double cpu = cpu_seconds(pid);
    int64_t start = now_us();
    uint64_t done = (uint64_t)all;
    open_all(many, 60);
    /* However long it takes, as long as calls end. */
    uint64_t over = 0;
    for (int64_t last = start; finished + failed < done && now_us() - last < 600000000LL;) {
        run_until(now_us() + 20000);
        if (over != finished + failed) last = now_us();
        over = finished + failed;
    }
    double took = (double)(now_us() - start) / 1e6;
    cpu = cpu_seconds(pid) - cpu;
    fclose(kept);
    printf("{\"calls\": %lu, \"calls_s\": %.1f, \"commands\": %.2f, \"cpu\": %.4f, \"cpu_us\": %.2f, \"failed\": %lu",
           (unsigned long)finished, (double)finished / took, (double)commands / all, cpu / took, cpu * 1e6 / all,
           (unsigned long)(done - finished));
    print_samples("command_ms", &command_ms);
    print_samples("first_ms", &first_ms);
    printf("}\n");
}

int main(int argc, char **argv) {
    if (argc != 8 && argc != 13) { fprintf(stderr, "usage: see the head of generator.c\n"); return 2; }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);
    port = atoi(argv[1]);
    int pid = atoi(argv[2]), many = atoi(argv[3]);
    whole = atoi(argv[4]);
    delay_ms = atoi(argv[6]);
    calls = calloc((size_t)many, sizeof *calls);
    queue_room = (size_t)many * 4;
    queue = calloc(queue_room, sizeof *queue);
    epoll_fd = epoll_create1(0);
    if (argc == 13) {
        keys = argv[8], wav = argv[9], secret = argv[10];
        opened = strtoul(argv[11], NULL, 10);
        if (!(kept = fopen(argv[12], "w"))) { perror(argv[12]); return 2; }
        walk(many, atof(argv[5]), pid);
    } else if (atoi(argv[7])) idle(many, atoi(argv[5]), pid);
    else load(many, atof(argv[5]), pid);
    return 0;
}
