// The tracer of one command (or of running processes) on one thread. It belongs to the thread that started it: ptrace allows no other
// to ask, resume or wait.
//
// next() lets go of the task that its last record was about, waits for the next stop that anybody wants to know of, and leaves a record
// of it in shared memory; the task stands still until next() or resume() is called again. All other stops (signals, group stops, calls
// that only the tracer watches) are dealt with inside.
#pragma once
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "affinity.h"
#include "filter.h"
#include "inspect.h"
#include "record.h"
#include "spawn.h"
#include "wait.h"

namespace skep {

class Tracer {
 public:
  // `shared` outlives the tracer. While `*interrupt` is not 0, next() answers `interrupted`; whoever sets it kicks our thread.
  Tracer(Shared* shared, const std::atomic<int32_t>* interrupt);
  ~Tracer();
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  // Before start() or attach(): stop at the entry of this call, and at its return if `exit`.
  void add_interest(int nr, bool exit);
  // Starts a command. Returns its pid or -errno; what fails in the child comes as a `failed` record.
  int start(const Command& command);
  // Seizes all threads of a running process. Returns their number or -errno.
  int attach(pid_t pid);

  // Waits at most `timeout_ms` (-1: for ever; 0: takes what is there).
  Kind next(int timeout_ms);
  // Lets go of the tasks of the last record without waiting (unless there are more records of the same stop).
  void resume();
  // From now on there are no records but the last (`ended`). A command runs on, resumed inside next(), since its filter cannot be taken
  // away and its hooked calls would fail without a tracer; attached processes are let go.
  void ignore();
  // Ends every task that we trace, and waits until they are gone (at most some seconds).
  void kill_all();

  // Fills shared->facts. Returns a number that changes whenever the facts did (tasks that are gone: 0).
  uint32_t facts(pid_t tid);
  // Fills shared->fd and the path in shared->text. Returns 0 or -errno.
  int fd(pid_t tid, int fd);

  bool has_status() const { return has_status_; }
  int status() const { return status_; }
  size_t task_count() const { return tasks_.size(); }

 private:
  struct Task {
    pid_t tid = 0;
    pid_t tgid = 0;
    bool held = false;       // stopped at birth, before its parent's fork event was seen
    bool dead = false;       // and died so; `status` is kept
    int status = 0;
    uint64_t held_since_ns = 0;
    bool fresh = false;      // attached to, not yet announced
    bool in_call = false;    // a hooked call was entered and its return is wanted
    bool restarting = false; // its last hooked call returned ERESTART_RESTARTBLOCK
    int32_t nr = 0;
    uint64_t args[6] = {};
    bool facts_known = false;
    bool facts_dirty = false;  // a call that changes them is under way
    uint32_t facts_version = 0;
    Facts facts = {};
    uint64_t rseq = 0;
    uint32_t rseq_tries = 0;
    int32_t cpu = 0;  // as last seen
    Pin pin;
  };
  struct Resume {
    pid_t tid;
    int signal;
  };
  struct Entry {
    Record record;
    std::string text;
  };

  Task& add(pid_t tid, pid_t tgid);
  void handle(pid_t tid, int status, uint64_t now);
  void announce_command(Task& task, uint64_t now);
  void on_enter(Task& task, uint64_t now);
  void on_return(Task& task, uint64_t now);
  void on_attached_call(Task& task, uint64_t now);
  void on_fork(Task& parent, ForkKind kind, uint64_t now);
  void announce_child(pid_t parent, pid_t child, ForkKind kind, uint64_t now);
  void on_exec(pid_t tid, uint64_t now);
  void on_death(Task& task, int status, uint64_t now);
  void own_interest(Task& task, int nr, const uint64_t* args);
  void release_orphans(uint64_t now, pid_t dead_tgid);
  void housekeeping(uint64_t now);
  void let_go(Task& task, int signal);
  void later(pid_t tid, int signal = 0) { pending_.push_back({tid, signal}); }
  Record& put(Kind kind, const Task& task, uint64_t now);
  Kind take();
  int32_t cpu_of(Task& task);
  bool load_facts(Task& task);
  void quiet_sigchld();
  void detach_stopped(pid_t tid, int signal);

  Shared* shared_;
  const std::atomic<int32_t>* interrupt_;
  InterestTable interest_ = {};
  std::unordered_map<pid_t, Task> tasks_;
  std::deque<Entry> queue_;
  std::vector<Resume> pending_;
  Affinity affinity_;
  ProcessHandle process_;
  WakeTimer timer_;
  pid_t thread_ = 0;
  pid_t command_ = 0;
  int error_pipe_ = -1;
  bool before_exec_ = false;  // the command's child has not reached its program yet
  bool announced_ = false;    // its `start` was recorded
  bool attached_ = false;
  bool ignoring_ = false;
  bool has_status_ = false;
  int status_ = 0;
  int held_ = 0;
  struct {
    pid_t tid = 0, tgid = 0;
    uint32_t version = 0;
    Facts facts = {};
  } last_dead_;  // its exit may still be asked about
  uint32_t versions_ = 0;
  uint32_t stops_ = 0;
  uint64_t next_review_ns_ = 0;
};

}  // namespace skep
