#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "filter.h"
#include "record.h"

namespace skep {
namespace {

// All that the child needs, made before the fork: between fork and exec only async-signal-safe calls are allowed, since another thread
// may have held any lock.
struct Plan {
  const char* path;
  char* const* argv;
  char* const* envp;
  const char* cwd;
  const sock_filter* filter;
  unsigned short filter_length;
  sigset_t mask;
  rlimit files;
  bool set_files;
  int go, errors;
};

[[noreturn]] void fail(const Plan& plan, Stage stage, int error) {
  int message[2] = {static_cast<int>(stage), error};
  [[maybe_unused]] ssize_t n = write(plan.errors, message, sizeof message);
  _exit(127);
}

// Node ignores SIGPIPE and SIGXFSZ, which exec would hand on; its handlers must not run in this copy of it once signals are unblocked.
void default_signals() {
  for (int signo = 1; signo < NSIG; signo++) {
    struct sigaction action;
    if (sigaction(signo, nullptr, &action) != 0) continue;
    const bool caught = action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN;
    if (!caught && signo != SIGPIPE && signo != SIGXFSZ) continue;
    action = {};
    action.sa_handler = SIG_DFL;
    sigaction(signo, &action, nullptr);
  }
}

[[noreturn]] void child(const Plan& plan) {
  default_signals();
  char byte;
  ssize_t n;
  do n = read(plan.go, &byte, 1);
  while (n < 0 && errno == EINTR);
  if (n != 1) _exit(127);
  if (plan.cwd && chdir(plan.cwd) != 0) fail(plan, Stage::chdir, errno);
  // Node marks them close-on-exec at its start, and makes a terminal or pipe that it reads non-blocking.
  for (int fd = 0; fd <= 2; fd++) {
    fcntl(fd, F_SETFD, 0);
    const int flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK)) fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
  }
  if (plan.set_files) setrlimit(RLIMIT_NOFILE, &plan.files);
  sigprocmask(SIG_SETMASK, &plan.mask, nullptr);
  if (plan.filter_length > 0) {
    if (int error = install_filter(plan.filter, plan.filter_length)) fail(plan, Stage::seccomp, error);
  }
  execve(plan.path, plan.argv, plan.envp);
  fail(plan, Stage::execve, errno);
}

// Node raises its soft limit of open files to the hard one. The command gets what the process that started us has, as it would
// without us.
bool inherited_file_limit(rlimit* out) {
  rlimit ours, theirs;
  if (getrlimit(RLIMIT_NOFILE, &ours) != 0) return false;
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/limits", getppid());
  FILE* file = fopen(path, "re");
  if (!file) return false;
  bool found = false;
  char line[256];
  unsigned long long soft;
  while (fgets(line, sizeof line, file))
    if (sscanf(line, "Max open files %llu", &soft) == 1) {
      theirs.rlim_cur = soft;
      found = true;
    }
  fclose(file);
  if (!found || theirs.rlim_cur > ours.rlim_cur) return false;
  *out = {theirs.rlim_cur, ours.rlim_max};
  return true;
}

pid_t fork_quietly() {
  // Not fork(3): its handlers (malloc's and others') take locks and belong to programs that go on in the child.
  return static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (const std::string& s : strings) out.push_back(const_cast<char*>(s.c_str()));
  out.push_back(nullptr);
  return out;
}

void kill_and_reap(pid_t pid) {
  kill(pid, SIGKILL);
  int status;
  while (waitpid(pid, &status, __WALL) > 0 && !WIFEXITED(status) && !WIFSIGNALED(status)) {
  }
}

}  // namespace

int spawn_held(const Command& command, const std::vector<sock_filter>& filter, Held* out) {
  int go[2], errors[2];
  if (pipe2(go, O_CLOEXEC) != 0) return errno;
  if (pipe2(errors, O_CLOEXEC) != 0) {
    const int error = errno;
    close(go[0]);
    close(go[1]);
    return error;
  }
  fcntl(errors[0], F_SETFL, O_NONBLOCK);
  const std::vector<char*> argv = pointers(command.argv), envp = pointers(command.envp);
  Plan plan = {};
  plan.path = command.path.c_str();
  plan.argv = argv.data();
  plan.envp = envp.data();
  plan.cwd = command.cwd.empty() ? nullptr : command.cwd.c_str();
  plan.filter = filter.data();
  plan.filter_length = static_cast<unsigned short>(filter.size());
  plan.set_files = inherited_file_limit(&plan.files);
  plan.go = go[0];
  plan.errors = errors[1];

  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &plan.mask);
  const pid_t pid = fork_quietly();
  if (pid == 0) {
    close(go[1]);
    child(plan);
  }
  const int error = pid < 0 ? errno : 0;
  pthread_sigmask(SIG_SETMASK, &plan.mask, nullptr);
  close(go[0]);
  close(errors[1]);
  if (error) {
    close(go[1]);
    close(errors[0]);
    return error;
  }
  out->pid = pid;
  out->error_pipe = errors[0];
  out->go = go[1];
  return 0;
}

int spawn_seized(const Command& command, const std::vector<sock_filter>& filter, unsigned long options, Spawned* out) {
  Held held;
  if (int error = spawn_held(command, filter, &held)) return error;
  int error = 0;
  if (ptrace(PTRACE_SEIZE, held.pid, 0, options) != 0 || write(held.go, "!", 1) != 1) {
    error = errno;
    kill_and_reap(held.pid);
  }
  close(held.go);
  if (error) {
    close(held.error_pipe);
    return error;
  }
  *out = held;
  return 0;
}

int probe_tracing(const char** what) {
  InterestTable table = {};
  table[SYS_getppid] = kEnter;
  const std::vector<sock_filter> filter = build_filter(table);
  int go[2];
  if (pipe2(go, O_CLOEXEC) != 0) {
    *what = "pipe2";
    return errno;
  }
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = fork_quietly();
  if (pid == 0) {
    char byte;
    close(go[1]);
    if (read(go[0], &byte, 1) != 1) _exit(1);
    const int error = install_filter(filter.data(), static_cast<unsigned short>(filter.size()));
    if (error) _exit(error & 0x7f);
    syscall(SYS_getppid);
    _exit(0);
  }
  int error = pid < 0 ? errno : 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  close(go[0]);
  *what = "clone";
  if (!error && ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_EXITKILL | PTRACE_O_TRACESECCOMP) != 0) {
    *what = "ptrace(PTRACE_SEIZE)";
    error = errno;
  } else if (!error) {
    [[maybe_unused]] ssize_t n = write(go[1], "!", 1);
    int status = 0;
    user_regs_struct registers;
    long got;
    do got = waitpid(pid, &status, __WALL);
    while (got < 0 && errno == EINTR);
    if (got == pid && WIFSTOPPED(status) && status >> 16 == PTRACE_EVENT_SECCOMP) {
      if (ptrace(PTRACE_GETREGS, pid, 0, &registers) != 0) {
        *what = "ptrace(PTRACE_GETREGS)";
        error = errno;
      }
    } else {
      *what = "seccomp(SECCOMP_SET_MODE_FILTER)";
      error = got == pid && WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : ENOSYS;
      if (got == pid && (WIFEXITED(status) || WIFSIGNALED(status))) {
        close(go[1]);
        return error;
      }
    }
  }
  close(go[1]);
  if (pid > 0) kill_and_reap(pid);
  return error;
}

void die_by(int signo) {
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  sigaction(signo, &action, nullptr);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, signo);
  pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
  kill(getpid(), signo);
}

}  // namespace skep
