/* The floor: an epoll server that sends a call's lines one by one and understands nothing.
 *
 * What a FastAGI server in any language costs can't be less than this: accept, read, write, close, in the kernel.
 * Usage: floor PORT SCRIPT   (SCRIPT: a file with the command lines of one call)
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST_LINES 64

struct call {
    int fd;
    int sent;  /* lines sent; 0 while the header comes in */
    char last; /* the last byte of what came before, to find the blank line */
};

static char text[65536];
static char *line[MOST_LINES];
static size_t length[MOST_LINES];
static int lines;

static void read_script(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) { perror(path); exit(2); }
    size_t size = fread(text, 1, sizeof text, file);
    fclose(file);
    for (char *at = text, *end; at < text + size && lines < MOST_LINES; at = end + 1) {
        end = memchr(at, '\n', (size_t)(text + size - at));
        if (!end) break;
        line[lines] = at;
        length[lines++] = (size_t)(end + 1 - at);
    }
}

static int listen_on(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&here, sizeof here) || listen(fd, 4096)) { perror("listen"); exit(2); }
    return fd;
}

static void take_calls(int epoll, int listener) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct call *call = calloc(1, sizeof *call);
        call->fd = fd;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = call};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

/* Whether what came completes the header or a reply. */
static int complete(struct call *call, const char *buffer, ssize_t got) {
    int whole = buffer[got - 1] == '\n';
    if (call->sent == 0) whole = whole && (got > 1 ? buffer[got - 2] : call->last) == '\n';
    call->last = buffer[got - 1];
    return whole;
}

static void serve(struct call *call) {
    char buffer[16384];
    ssize_t got = recv(call->fd, buffer, sizeof buffer, 0);
    if (got > 0 && !complete(call, buffer, got)) return;
    if (got > 0 && call->sent < lines) {
        if (send(call->fd, line[call->sent], length[call->sent], MSG_NOSIGNAL) > 0) { call->sent++; return; }
    }
    close(call->fd);
    free(call);
}

int main(int argc, char **argv) {
    if (argc != 3) { fprintf(stderr, "usage: floor PORT SCRIPT\n"); return 2; }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    read_script(argv[2]);
    int listener = listen_on(atoi(argv[1])), epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[256];
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int many = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < many; i++) {
            if (events[i].data.ptr) serve(events[i].data.ptr);
            else take_calls(epoll, listener);
        }
    }
}
