// What a tracer tells its reader: one fixed record a stop, at a place in memory that both share. The reader (JavaScript, through a
// typed array) reads the fields where they lie; nothing is copied or allocated per stop. bindings/trace/record.ts names the same offsets;
// bindings/addon/tracer.cc exports them, and a test compares.
#pragma once
#include <cstddef>
#include <cstdint>

namespace skep {

enum class Kind : int32_t {
  none = 0,         // time is up, nothing happened
  start = 1,        // a task appears: the command's first, or one that we attached to
  enter = 2,        // entry of a hooked system call
  exit = 3,         // its return
  fork = 4,         // a new task: a = child, b = what made it (ForkKind), c = the child's tgid
  exec = 5,         // an exec succeeded: a = former tid, c = length of the file name in text
  task_exit = 6,    // a task ended: a = wait(2) status
  ended = 7,        // no traced task is left
  interrupted = 8,  // the reader's flag was set
  failed = 9,       // the command could not be executed: a = errno, b = Stage
};

enum class ForkKind : int32_t { fork = 0, vfork = 1, clone = 2 };

// What the child was doing when it failed before its exec.
enum class Stage : int32_t { chdir = 0, seccomp = 1, execve = 2 };

constexpr size_t kTextCapacity = 4096;

struct Record {
  int32_t kind;
  int32_t tid;
  int32_t nr;
  int32_t cpu;
  int32_t a, b, c;
  int32_t reserved;
  uint64_t ts_ns;  // CLOCK_MONOTONIC when the stop was seen
  uint64_t args[6];
  uint64_t ip, sp;
  int64_t ret;
};

// The facts of one task, as /proc/TID/status tells them.
struct Facts {
  int32_t tgid, ppid, uid, gid;
  char comm[16];
};

// One file descriptor of a task.
struct FdAnswer {
  uint64_t inode;
  uint32_t mode;                   // st_mode; for a socket its type alone
  int32_t domain, type, protocol;  // SO_*; -1: no socket, or the kernel would not say
  uint32_t local_size, peer_size;  // of the sockaddrs; 0: none
  uint32_t path_size;              // of the link /proc/TID/fd/N, in text
  uint32_t tcp_state;              // TCP_* of a TCP socket; 0: not one, or the kernel would not say
  uint8_t local[128], peer[128];
};

struct Shared {
  Record record;
  Facts facts;               // the answer to facts()
  FdAnswer fd;               // the answer to fd()
  char text[kTextCapacity];  // the file name of an exec, the path of a descriptor
};

static_assert(offsetof(Record, ts_ns) == 32 && offsetof(Record, args) == 40 && offsetof(Record, ret) == 104);
static_assert(sizeof(Record) == 112 && offsetof(Shared, facts) == 112 && offsetof(Shared, fd) == 144);
static_assert(sizeof(FdAnswer) == 296 && offsetof(Shared, text) == 440);

}  // namespace skep
