#include "tracer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

namespace skep {
namespace {

constexpr unsigned long kFollow =
    PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
constexpr int64_t kRestartBlock = 516;  // ERESTART_RESTARTBLOCK
constexpr uint64_t kReviewNs = 100'000'000;
constexpr uint64_t kKillNs = 5'000'000'000;
const std::atomic<int32_t> kNever{0};

bool registers_of(pid_t tid, user_regs_struct* out) { return ptrace(PTRACE_GETREGS, tid, nullptr, out) == 0; }

void arguments(const user_regs_struct& r, uint64_t* args) {
  args[0] = r.rdi;
  args[1] = r.rsi;
  args[2] = r.rdx;
  args[3] = r.r10;
  args[4] = r.r8;
  args[5] = r.r9;
}

bool stops_a_process(int signo) {
  return signo == SIGSTOP || signo == SIGTSTP || signo == SIGTTIN || signo == SIGTTOU;
}

}  // namespace

Tracer::Tracer(Shared* shared, const std::atomic<int32_t>* interrupt)
    : shared_(shared), interrupt_(interrupt ? interrupt : &kNever) {}

Tracer::~Tracer() {
  // Tasks of a command die with our thread by EXITKILL; here it is only done sooner, and by the thread that may.
  if (thread_ == gettid() && !tasks_.empty()) kill_all();
  if (error_pipe_ >= 0) close(error_pipe_);
}

void Tracer::add_interest(int nr, bool exit) {
  if (nr < 0 || nr >= kMaxSyscalls) return;
  interest_[static_cast<size_t>(nr)] |= static_cast<uint8_t>(kEnter | (exit ? kExit : 0));
}

int Tracer::start(const Command& command) {
  if (thread_ != 0) return -EBUSY;
  if (int error = install_kick_handler()) return -error;
  add_own_interest(interest_);
  Spawned child;
  const unsigned long options = kFollow | PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL;
  if (int error = spawn_seized(command, build_filter(interest_), options, &child)) return -error;
  thread_ = gettid();
  command_ = child.pid;
  error_pipe_ = child.error_pipe;
  before_exec_ = true;
  add(command_, command_);
  quiet_sigchld();
  return command_;
}

int Tracer::attach(pid_t pid) {
  if (thread_ != 0) return -EBUSY;
  if (int error = install_kick_handler()) return -error;
  add_own_interest(interest_);
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  int error = ESRCH;
  // A thread may start another while we list them; one that is seized brings its children by itself.
  for (bool more = true; more;) {
    more = false;
    DIR* directory = opendir(path);
    if (!directory) break;
    while (dirent* entry = readdir(directory)) {
      const pid_t tid = atoi(entry->d_name);
      if (tid <= 0 || tasks_.count(tid)) continue;
      if (ptrace(PTRACE_SEIZE, tid, nullptr, kFollow) != 0) {
        if (errno != ESRCH) error = errno;
        continue;
      }
      add(tid, pid).fresh = true;
      ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr);
      more = true;
    }
    closedir(directory);
  }
  if (tasks_.empty()) return -error;
  thread_ = gettid();
  attached_ = true;
  quiet_sigchld();
  return static_cast<int>(tasks_.size());
}

// libuv's SIGCHLD handler, there once child_process was used, would run at every stop.
void Tracer::quiet_sigchld() {
  struct sigaction action;
  if (sigaction(SIGCHLD, nullptr, &action) != 0) return;
  if (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN || (action.sa_flags & SA_NOCLDSTOP)) return;
  action.sa_flags |= SA_NOCLDSTOP;
  sigaction(SIGCHLD, &action, nullptr);
}

Kind Tracer::next(int timeout_ms) {
  if (!queue_.empty()) return take();
  resume();
  const uint64_t deadline = timeout_ms > 0 ? now_ns() + static_cast<uint64_t>(timeout_ms) * 1'000'000u : 0;
  for (;;) {
    if (tasks_.empty()) {
      shared_->record = {};
      shared_->record.kind = static_cast<int32_t>(Kind::ended);
      return Kind::ended;
    }
    if (interrupt_->load(std::memory_order_relaxed) != 0) return Kind::interrupted;
    const bool review = affinity_.active() || held_ > 0;
    if (timeout_ms != 0 && (deadline != 0 || review)) {
      uint64_t wake = deadline;
      if (review && next_review_ns_ == 0) next_review_ns_ = now_ns() + kReviewNs;
      if (review && (wake == 0 || next_review_ns_ < wake)) wake = next_review_ns_;
      timer_.fire_by(wake);
    }
    int status = 0;
    const long tid = wait_any(&status, timeout_ms == 0 ? WNOHANG : 0, interrupt_, &timer_.fired);
    if (tid > 0) {
      if ((++stops_ & 255) == 0) quiet_sigchld();
      handle(static_cast<pid_t>(tid), status, now_ns());
      if (!queue_.empty()) return take();
      resume();
      continue;
    }
    if (tid == -ECHILD) {
      tasks_.clear();
      continue;
    }
    timer_.take();
    const uint64_t now = now_ns();
    if (next_review_ns_ != 0 && now >= next_review_ns_) {
      housekeeping(now);
      if (!queue_.empty()) return take();
      resume();
    }
    if (tid == 0 || (deadline != 0 && now >= deadline)) return Kind::none;
  }
}

void Tracer::resume() {
  if (!queue_.empty()) return;  // there is more to tell of these tasks
  for (const Resume& r : pending_) {
    auto it = tasks_.find(r.tid);
    if (it != tasks_.end()) let_go(it->second, r.signal);
  }
  pending_.clear();
}

void Tracer::let_go(Task& task, int signal) {
  if (ignoring_ && attached_) {
    detach_stopped(task.tid, signal);
    return;
  }
  const bool to_next_call = attached_ || (task.in_call && !ignoring_);
  // ESRCH: it was killed meanwhile; its death will be reported.
  ptrace(to_next_call ? PTRACE_SYSCALL : PTRACE_CONT, task.tid, nullptr, signal);
}

void Tracer::detach_stopped(pid_t tid, int signal) {
  auto it = tasks_.find(tid);
  if (it == tasks_.end()) return;
  affinity_.unpin(tid, it->second.pin);
  ptrace(PTRACE_DETACH, tid, nullptr, signal);
  tasks_.erase(it);
}

void Tracer::ignore() {
  if (ignoring_) return;
  ignoring_ = true;
  queue_.clear();
  resume();
  std::vector<pid_t> held;
  for (auto& [tid, task] : tasks_) {
    affinity_.unpin(tid, task.pin);
    task.pin.never = true;
    if (task.held) held.push_back(tid);
    else if (attached_) ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr);
  }
  for (pid_t tid : held) {
    Task& task = tasks_[tid];
    task.held = false;
    held_--;
    if (task.dead) tasks_.erase(tid);
    else let_go(task, 0);
  }
}

void Tracer::kill_all() {
  queue_.clear();
  if (attached_) {
    ignore();
  } else {
    ignoring_ = true;
    pending_.clear();
    for (auto& [tid, task] : tasks_) kill(task.tgid, SIGKILL);
  }
  const uint64_t deadline = now_ns() + kKillNs;
  while (!tasks_.empty()) {
    timer_.fire_by(deadline);
    int status = 0;
    const long tid = wait_any(&status, 0, &kNever, &timer_.fired);
    if (tid == -ECHILD) tasks_.clear();
    if (tid > 0) {
      // A child that was born meanwhile.
      if (!attached_ && WIFSTOPPED(status)) kill(static_cast<pid_t>(tid), SIGKILL);
      handle(static_cast<pid_t>(tid), status, now_ns());
      resume();
    } else if (tid == -EINTR) {
      timer_.take();
      if (now_ns() >= deadline) break;
    }
  }
}

Tracer::Task& Tracer::add(pid_t tid, pid_t tgid) {
  Task& task = tasks_[tid];
  task.tid = tid;
  task.tgid = tgid;
  return task;
}

void Tracer::handle(pid_t tid, int status, uint64_t now) {
  auto it = tasks_.find(tid);
  if (WIFEXITED(status) || WIFSIGNALED(status)) {
    if (it != tasks_.end()) on_death(it->second, status, now);
    return;
  }
  if (it == tasks_.end()) {
    Task& task = add(tid, tid);
    if (ignoring_) {
      later(tid);
      return;
    }
    // A child may run before its parent's fork event is seen. Its own story must not begin before that.
    task.held = true;
    task.held_since_ns = now;
    held_++;
    if (load_facts(task)) task.tgid = task.facts.tgid;
    return;
  }
  Task& task = it->second;
  if (task.facts_dirty) task.facts_known = task.facts_dirty = false;
  const int signal = WSTOPSIG(status);
  switch (status >> 16) {
    case PTRACE_EVENT_SECCOMP:
      on_enter(task, now);
      return;
    case PTRACE_EVENT_FORK:
      on_fork(task, ForkKind::fork, now);
      return;
    case PTRACE_EVENT_VFORK:
      on_fork(task, ForkKind::vfork, now);
      return;
    case PTRACE_EVENT_CLONE:
      on_fork(task, ForkKind::clone, now);
      return;
    case PTRACE_EVENT_EXEC:
      on_exec(tid, now);
      return;
    case PTRACE_EVENT_STOP:
      if (stops_a_process(signal) && !(ignoring_ && attached_)) {
        // Stopped by job control: listen, so that it stays stopped until SIGCONT and its parent sees it so.
        ptrace(PTRACE_LISTEN, tid, nullptr, nullptr);
        return;
      }
      if (task.fresh) {
        task.fresh = false;
        if (!ignoring_) put(Kind::start, task, now);
      }
      later(tid);
      return;
    case 0:
      if (signal == (SIGTRAP | 0x80)) {
        if (attached_) on_attached_call(task, now);
        else on_return(task, now);
        return;
      }
      later(tid, signal);
      return;
    default:
      later(tid);
  }
}

Record& Tracer::put(Kind kind, const Task& task, uint64_t now) {
  Entry& entry = queue_.emplace_back();
  entry.record.kind = static_cast<int32_t>(kind);
  entry.record.tid = task.tid;
  entry.record.cpu = task.cpu;
  entry.record.ts_ns = now;
  return entry.record;
}

Kind Tracer::take() {
  Entry& entry = queue_.front();
  shared_->record = entry.record;
  if (!entry.text.empty()) memcpy(shared_->text, entry.text.data(), std::min(entry.text.size(), kTextCapacity));
  const Kind kind = static_cast<Kind>(entry.record.kind);
  queue_.pop_front();
  return kind;
}

// The command's first task is announced when it first stops: at its execve, or (when nobody hooked that) just after.
void Tracer::announce_command(Task& task, uint64_t now) {
  if (announced_ || task.tid != command_) return;
  announced_ = true;
  put(Kind::start, task, now);
}

void Tracer::on_enter(Task& task, uint64_t now) {
  later(task.tid);
  user_regs_struct r;
  if (!registers_of(task.tid, &r)) return;
  const auto nr = static_cast<int64_t>(r.orig_rax);
  if (nr < 0 || nr >= kMaxSyscalls) return;
  uint64_t args[6];
  arguments(r, args);
  uint8_t interest = interest_[static_cast<size_t>(nr)];
  if (nr == SYS_restart_syscall && task.restarting) interest |= kEnter | kExit;
  if (interest & kOurs) own_interest(task, static_cast<int>(nr), args);
  if (ignoring_ || !(interest & kEnter)) return;
  if (before_exec_ && task.tid == command_) {
    if (nr != SYS_execve) return;  // still our own code
    cpu_of(task);
    announce_command(task, now);
  } else {
    affinity_.on_stop(task.tid, task.pin, now);
    cpu_of(task);
  }
  task.in_call = (interest & kExit) != 0;
  task.nr = static_cast<int32_t>(nr);
  memcpy(task.args, args, sizeof args);
  Record& record = put(Kind::enter, task, now);
  record.nr = task.nr;
  memcpy(record.args, args, sizeof args);
  record.ip = r.rip;
  record.sp = r.rsp;
}

void Tracer::on_return(Task& task, uint64_t now) {
  later(task.tid);
  if (!task.in_call) return;
  task.in_call = false;
  user_regs_struct r;
  if (ignoring_ || !registers_of(task.tid, &r)) return;
  affinity_.on_stop(task.tid, task.pin, now);
  cpu_of(task);
  Record& record = put(Kind::exit, task, now);
  record.nr = task.nr;
  memcpy(record.args, task.args, sizeof task.args);
  record.ip = r.rip;
  record.sp = r.rsp;
  record.ret = static_cast<int64_t>(r.rax);
  task.restarting = record.ret == -kRestartBlock;
}

// Without a filter (attached) every call stops twice.
void Tracer::on_attached_call(Task& task, uint64_t now) {
  __ptrace_syscall_info info = {};
  if (ptrace(PTRACE_GET_SYSCALL_INFO, task.tid, sizeof info, &info) <= 0) {
    later(task.tid);
    return;
  }
  if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
    task.in_call = false;
    constexpr uint32_t kX8664 = 0xC000003E;  // AUDIT_ARCH_X86_64
    if (info.arch == kX8664) on_enter(task, now);
    else later(task.tid);
  } else {
    on_return(task, now);
  }
}

void Tracer::own_interest(Task& task, int nr, const uint64_t* args) {
  if (nr == SYS_sched_getaffinity || nr == SYS_sched_setaffinity) {
    const pid_t target = args[0] == 0 ? task.tid : static_cast<pid_t>(args[0]);
    auto it = tasks_.find(target);
    if (it == tasks_.end()) return;
    affinity_.unpin(target, it->second.pin);
    if (nr == SYS_sched_setaffinity) it->second.pin.never = true;
  } else if (nr != SYS_restart_syscall && (nr != SYS_prctl || args[0] == 15)) {  // PR_SET_NAME
    task.facts_dirty = true;
  }
}

void Tracer::housekeeping(uint64_t now) {
  for (auto& [tid, task] : tasks_) affinity_.review(tid, task.pin, now);
  release_orphans(now, 0);
  next_review_ns_ = affinity_.active() || held_ > 0 ? now + kReviewNs : 0;
}

}  // namespace skep
