// Starting a command under trace: fork, PTRACE_SEIZE, then let the child set itself up and exec.
//
// SEIZE rather than TRACEME: the child must be traced before its filter is in place, or a hooked execve fails with ENOSYS, and only a
// seized task tells a stop signal from a stop. https://man7.org/linux/man-pages/man2/ptrace.2.html
#pragma once
#include <linux/filter.h>
#include <sys/types.h>

#include <string>
#include <vector>

namespace skep {

struct Command {
  std::string path;                // the file to execute, already looked up
  std::vector<std::string> argv;   // argv[0] is the name that the command sees
  std::vector<std::string> envp;   // "NAME=value"
  std::string cwd;                 // "": that of this process
};

struct Spawned {
  pid_t pid = -1;
  // Non-blocking: holds {int stage, int errno} once the child has failed before its exec, and ends at the exec.
  int error_pipe = -1;
};

// A child that stands before its setting up: it goes on once a byte is written to `go`, and ends when `go` is closed without.
struct Held : Spawned {
  int go = -1;
};

// Forks the child and holds it. Returns 0 or an errno.
int spawn_held(const Command& command, const std::vector<sock_filter>& filter, Held* out);

// The child is traced, and stops at its execve or just after it. Returns 0 or an errno.
int spawn_seized(const Command& command, const std::vector<sock_filter>& filter, unsigned long options, Spawned* out);

// Whether this machine lets us do it at all: forks a child that is seized, filtered, stopped and killed. Returns 0, or an errno with
// what failed in `what`.
int probe_tracing(const char** what);

// Ends this process by a signal, as a command that died by it should look to whoever started us: no handler, no core of our own. Returns
// only if the signal does not end a process.
void die_by(int signo);

}  // namespace skep
