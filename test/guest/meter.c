/*
 * meter WHAT TEXT SECONDS -- COMMAND...: runs a tracing tool, gives it something to see every 100 ms (WHAT: connect:PORT, open:PATH, exec:PATH), waits for
 * a line of its output that holds TEXT, ends it by SIGINT and prints
 *   {"first": seconds from start to that line or null, "rss": peak KiB, "status": n}
 * The tool's output is copied to stderr. Static, so that it costs nothing in a guest that runs 28 times slower than its host.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void act(const char *what) {
  const char *value = strchr(what, ':') + 1;
  if (!strncmp(what, "connect:", 8)) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(value)), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int s = socket(AF_INET, SOCK_STREAM, 0);
    connect(s, (struct sockaddr *)&to, sizeof to);
    close(s);
  } else if (!strncmp(what, "open:", 5)) {
    int f = open(value, O_RDONLY);
    if (f >= 0) close(f);
  } else if (!strncmp(what, "exec:", 5)) {
    pid_t p = fork();
    if (p == 0) {
      // On the stack, which fork copies: a program looks at the argument before anybody has touched the page of a literal in the child.
      char argument[] = "meter";
      execl(value, value, argument, (char *)0);
      _exit(127);
    }
    waitpid(p, 0, 0);
  }
}

int main(int argc, char **argv) {
  if (argc < 6 || strcmp(argv[4], "--") || !strchr(argv[1], ':')) {
    fprintf(stderr, "usage: meter connect:PORT|open:PATH|exec:PATH TEXT SECONDS -- COMMAND...\n");
    return 2;
  }
  double limit = atof(argv[3]), begun = now(), first = -1;
  int out[2];
  if (pipe(out)) return 2;
  pid_t tool = fork();
  if (tool == 0) {
    dup2(out[1], 1);
    close(out[0]);
    close(out[1]);
    execvp(argv[5], argv + 5);
    perror(argv[5]);
    _exit(127);
  }
  close(out[1]);
  static char text[1 << 16];
  size_t held = 0;
  double acted = 0;
  while (first < 0 && now() - begun < limit) {
    if (now() - acted > 0.1) {
      act(argv[1]);
      acted = now();
    }
    struct pollfd p = {out[0], POLLIN, 0};
    if (poll(&p, 1, 50) <= 0) continue;
    ssize_t n = read(out[0], text + held, sizeof text - 1 - held);
    if (n <= 0) break;
    fwrite(text + held, 1, n, stderr);
    held += n;
    text[held] = 0;
    if (strstr(text, argv[2])) first = now() - begun;
    char *end = strrchr(text, '\n');
    if (end) {
      held -= end + 1 - text;
      memmove(text, end + 1, held + 1);
    }
    if (held > sizeof text / 2) held = 0;
  }
  kill(tool, SIGINT);
  struct rusage usage;
  int status;
  for (int tries = 0; wait4(tool, &status, WNOHANG, &usage) == 0; tries++) {
    if (tries == 300) kill(tool, SIGKILL);
    struct pollfd p = {out[0], POLLIN, 0};
    if (poll(&p, 1, 100) > 0) {
      if (read(out[0], text, sizeof text) <= 0) usleep(100000);
    }
  }
  printf("{\"first\": ");
  if (first < 0) printf("null");
  else printf("%.3f", first);
  printf(", \"rss\": %ld, \"status\": %d}\n", usage.ru_maxrss, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  return 0;
}
