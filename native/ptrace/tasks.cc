// The tracer's book of tasks: how they are born, exec and end, who they are and where they run. The loop itself is in tracer.cc.
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <unistd.h>

#include <utility>

#include "tracer.h"

#ifndef SYS_clone3
#define SYS_clone3 435
#endif

namespace skep {
namespace {

constexpr uint64_t kCloneThread = 0x10000, kCloneParent = 0x8000;  // CLONE_THREAD, CLONE_PARENT
constexpr uint64_t kCompatCs = 0x23;                               // __USER32_CS
constexpr uint64_t kOrphanNs = 500'000'000;                        // a child held so long has lost its parent

// What fork made: the flags of the call that the task is in, or false when they cannot be told.
bool clone_flags(pid_t tid, uint64_t* flags) {
  user_regs_struct r;
  if (ptrace(PTRACE_GETREGS, tid, nullptr, &r) != 0 || r.cs == kCompatCs) return false;
  *flags = 0;
  if (r.orig_rax == SYS_clone) *flags = r.rdi;
  else if (r.orig_rax == SYS_clone3) return read_memory(tid, r.rdi, flags, sizeof *flags) == sizeof *flags;
  else return r.orig_rax == SYS_fork || r.orig_rax == SYS_vfork;
  return true;
}

}  // namespace

void Tracer::on_fork(Task& parent, ForkKind kind, uint64_t now) {
  later(parent.tid);
  unsigned long message = 0;
  if (ptrace(PTRACE_GETEVENTMSG, parent.tid, nullptr, &message) != 0) return;
  const auto child = static_cast<pid_t>(message);
  auto it = tasks_.find(child);
  if (ignoring_) {
    if (it == tasks_.end()) add(child, child);
    return;
  }
  if (it != tasks_.end() && !it->second.held) return;  // already told, as an orphan
  announce_child(parent.tid, child, kind, now);
}

void Tracer::announce_child(pid_t parent_tid, pid_t child_tid, ForkKind kind, uint64_t now) {
  Task& child = tasks_[child_tid];
  child.tid = child_tid;
  auto parent_it = tasks_.find(parent_tid);
  Task gone;  // a parent that died before it could say so
  gone.tid = gone.tgid = parent_tid;
  Task& parent = parent_it != tasks_.end() ? parent_it->second : gone;
  uint64_t flags = 0;
  if (parent_it != tasks_.end() && (parent.facts_known || load_facts(parent)) && clone_flags(parent_tid, &flags)) {
    child.facts = parent.facts;
    child.facts.tgid = flags & kCloneThread ? parent.tgid : child_tid;
    child.facts.ppid = flags & (kCloneThread | kCloneParent) ? parent.facts.ppid : parent.tgid;
    child.facts_known = true;
    child.facts_version = ++versions_;
  } else {
    load_facts(child);
  }
  child.tgid = child.facts_known ? child.facts.tgid : child_tid;
  affinity_.on_child(child_tid, parent.pin);
  child.pin.never = parent.pin.never;
  child.cpu = parent_it != tasks_.end() ? cpu_of(parent) : 0;
  Record& record = put(Kind::fork, parent, now);
  record.a = child_tid;
  record.b = static_cast<int32_t>(kind);
  record.c = child.tgid;
  if (!child.held) return;
  child.held = false;
  held_--;
  if (child.dead) on_death(child, child.status, now);
  else later(child_tid);
}

// Children whose parent was killed before its fork event could be seen.
void Tracer::release_orphans(uint64_t now, pid_t dead_tgid) {
  if (held_ == 0) return;
  std::vector<std::pair<pid_t, pid_t>> orphans;
  for (auto& [tid, task] : tasks_) {
    if (!task.held) continue;
    const pid_t parent = task.tgid == tid ? task.facts.ppid : task.tgid;
    bool lost = now - task.held_since_ns > kOrphanNs;
    if (!lost && dead_tgid != 0 && parent == dead_tgid) {
      lost = true;
      for (auto& [other_tid, other] : tasks_) lost = lost && (other.held || other.tgid != parent);
    }
    if (lost) orphans.push_back({parent, tid});
  }
  for (auto [parent, child] : orphans)
    announce_child(parent, child, tasks_[child].tgid == child ? ForkKind::fork : ForkKind::clone, now);
}

void Tracer::on_exec(pid_t tid, uint64_t now) {
  later(tid);
  unsigned long message = 0;
  const pid_t former = ptrace(PTRACE_GETEVENTMSG, tid, nullptr, &message) == 0 ? static_cast<pid_t>(message) : tid;
  Task& task = tasks_[tid];
  task.tid = task.tgid = tid;
  if (former != tid) {
    // A thread's exec: it takes the place of the leader, whose own end is never reported.
    affinity_.forget(task.pin);
    auto it = tasks_.find(former);
    if (it != tasks_.end()) {
      const Task from = it->second;
      tasks_.erase(it);
      task = from;
      task.tid = task.tgid = tid;
    } else {
      task.in_call = false;
    }
  }
  task.rseq = 0;
  task.rseq_tries = 0;
  task.facts_known = false;
  load_facts(task);
  if (before_exec_ && tid == command_) {
    before_exec_ = false;
    close(error_pipe_);
    error_pipe_ = -1;
  }
  if (ignoring_) return;
  cpu_of(task);
  announce_command(task, now);
  Record& record = put(Kind::exec, task, now);
  record.a = former;
  std::string name = exec_filename(tid);
  if (name.size() > kTextCapacity) name.resize(kTextCapacity);
  record.c = static_cast<int32_t>(name.size());
  queue_.back().text = std::move(name);
}

void Tracer::on_death(Task& task, int status, uint64_t now) {
  const pid_t tid = task.tid, tgid = task.tgid;
  if (task.held) {
    task.dead = true;
    task.status = status;
    release_orphans(now, 0);
    return;
  }
  affinity_.forget(task.pin);
  bool failed = false;
  if (tid == command_) {
    has_status_ = true;
    status_ = status;
    if (error_pipe_ >= 0) {
      int said[2];
      failed = read(error_pipe_, said, sizeof said) == sizeof said;
      close(error_pipe_);
      error_pipe_ = -1;
      if (failed && !ignoring_) {
        Record& record = put(Kind::failed, task, now);
        record.a = said[1];
        record.b = said[0];
      }
    }
  }
  if (!failed && !ignoring_) put(Kind::task_exit, task, now).a = status;
  last_dead_ = {tid, tgid, task.facts_known ? task.facts_version : 0, task.facts};
  tasks_.erase(tid);
  if (tid == tgid) {
    // Its children have a new parent now.
    for (auto& [other_tid, other] : tasks_)
      if (other.facts.ppid == tid) other.facts_known = false;
  }
  release_orphans(now, tgid);
}

// The CPU that the task ran on. It is ours while the task is pinned to it; else its restartable-sequences area says so: one word of its
// memory, which the C library registers with the kernel early on. Before that, and in programs that never do, it is what /proc said some
// stops ago, since asking there costs more than all the rest of a stop.
int32_t Tracer::cpu_of(Task& task) {
  if (task.pin.pinned) return task.cpu = sched_getcpu();
  if (task.rseq == 0) {
    struct {
      uint64_t address;
      uint32_t size, signature, flags, pad;
    } configuration = {};
    constexpr int kGetRseqConfiguration = 0x420f;  // PTRACE_GET_RSEQ_CONFIGURATION, Linux 5.13
    constexpr int kTries = 256;
    if (task.rseq_tries < kTries && ptrace(static_cast<__ptrace_request>(kGetRseqConfiguration), task.tid,
                                           sizeof configuration, &configuration) > 0)
      task.rseq = configuration.address;
  }
  uint32_t cpu[2];  // cpu_id_start, cpu_id
  if (task.rseq != 0 && read_memory(task.tid, task.rseq, cpu, sizeof cpu) == sizeof cpu && cpu[1] < 1u << 20)
    return task.cpu = static_cast<int32_t>(cpu[1]);
  constexpr int kAskEvery = 32;
  if (task.rseq_tries++ % kAskEvery == 0) {
    const int said = last_cpu(task.tid);
    if (said >= 0) task.cpu = said;
  }
  return task.cpu;
}

bool Tracer::load_facts(Task& task) {
  Facts facts;
  if (!read_facts(task.tid, &facts)) return false;
  if (task.facts_version == 0 || memcmp(&facts, &task.facts, sizeof facts) != 0) task.facts_version = ++versions_;
  task.facts = facts;
  task.facts_known = true;
  return true;
}

uint32_t Tracer::facts(pid_t tid) {
  auto it = tasks_.find(tid);
  if (it == tasks_.end()) {
    if (tid != last_dead_.tid || last_dead_.version == 0) return 0;
    shared_->facts = last_dead_.facts;
    return last_dead_.version;
  }
  Task& task = it->second;
  if ((!task.facts_known || task.facts_dirty) && !load_facts(task) && task.facts_version == 0) return 0;
  shared_->facts = task.facts;
  return task.facts_version;
}

int Tracer::fd(pid_t tid, int fd) {
  auto it = tasks_.find(tid);
  const pid_t tgid = it == tasks_.end() ? tid : it->second.tgid;
  return describe_fd(tid, tgid, fd, process_, &shared_->fd, shared_->text, sizeof shared_->text);
}

}  // namespace skep
