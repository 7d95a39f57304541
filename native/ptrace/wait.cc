#include "wait.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <mutex>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

// long skep_wait4(pid, status, options, rusage, flag, other): C calling convention, flags in r8 and r9.
// Everything from _begin up to (not with) _end may be broken off; at _end the call has happened and rax is its result.
asm(R"(
.text
.p2align 4
.globl skep_wait4
.hidden skep_wait4
.globl skep_wait4_begin
.hidden skep_wait4_begin
.globl skep_wait4_end
.hidden skep_wait4_end
.globl skep_wait4_off
.hidden skep_wait4_off
.type skep_wait4,@function
skep_wait4:
  movq %rcx, %r10
skep_wait4_begin:
  cmpl $0, (%r8)
  jne skep_wait4_off
  cmpl $0, (%r9)
  jne skep_wait4_off
  movl $61, %eax
  syscall
skep_wait4_end:
  ret
skep_wait4_off:
  movq $-4, %rax
  ret
.size skep_wait4,.-skep_wait4
)");
static_assert(SYS_wait4 == 61 && EINTR == 4);

extern "C" {
long skep_wait4(long pid, int* status, long options, void* rusage, const void* flag, const void* other);
extern char skep_wait4_begin[], skep_wait4_end[], skep_wait4_off[];
}

namespace skep {
namespace {

void on_kick(int, siginfo_t* info, void* context) {
  if (info->si_code == SI_TIMER && info->si_value.sival_ptr != nullptr)
    static_cast<std::atomic<int32_t>*>(info->si_value.sival_ptr)->store(1, std::memory_order_relaxed);
  auto* machine = &static_cast<ucontext_t*>(context)->uc_mcontext;
  const auto ip = static_cast<uint64_t>(machine->gregs[REG_RIP]);
  if (ip >= reinterpret_cast<uint64_t>(skep_wait4_begin) && ip < reinterpret_cast<uint64_t>(skep_wait4_end))
    machine->gregs[REG_RIP] = static_cast<greg_t>(reinterpret_cast<uint64_t>(skep_wait4_off));
}

// One signal at a time is caught (SIGINT); the handler reads these.
std::atomic<std::atomic<int32_t>*> caught_flag{nullptr};
struct sigaction caught_before;
int caught_signo = 0;

void on_caught(int signo, siginfo_t*, void*) {
  const int saved = errno;
  std::atomic<int32_t>* flag = caught_flag.load();
  if (flag == nullptr || flag[0].exchange(1) != 0) {
    // Nobody took notice of the last one.
    sigaction(signo, &caught_before, nullptr);
    raise(signo);
  } else if (const pid_t thread = flag[1].load(); thread > 0) {
    // Also when that is this thread: the kick's handler runs next, and sees the same interrupted place.
    syscall(SYS_tgkill, getpid(), thread, kick_signal());
  }
  errno = saved;
}

}  // namespace

int kick_signal() { return SIGURG; }

int install_kick_handler() {
  static std::once_flag once;
  static int problem = 0;
  std::call_once(once, [] {
    struct sigaction action = {};
    action.sa_sigaction = on_kick;
    action.sa_flags = SA_SIGINFO;  // no SA_RESTART: the wait must end
    sigemptyset(&action.sa_mask);
    if (sigaction(kick_signal(), &action, nullptr) != 0) problem = errno;
  });
  return problem;
}

int kick(pid_t tid) {
  if (int problem = install_kick_handler()) return problem;
  return syscall(SYS_tgkill, getpid(), tid, kick_signal()) == 0 ? 0 : errno;
}

int catch_signal(int signo, std::atomic<int32_t>* flag) {
  if (caught_signo != 0) return EBUSY;
  if (int problem = install_kick_handler()) return problem;
  caught_flag = flag;
  struct sigaction action = {};
  action.sa_sigaction = on_caught;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  if (sigaction(signo, &action, &caught_before) != 0) return errno;
  caught_signo = signo;
  return 0;
}

void release_signal(int signo) {
  if (caught_signo != signo) return;
  struct sigaction now;
  // Somebody may have put another handler in our place.
  if (sigaction(signo, nullptr, &now) == 0 && now.sa_sigaction == on_caught) sigaction(signo, &caught_before, nullptr);
  caught_signo = 0;
  caught_flag = nullptr;
}

long wait_any(int* status, int options, const std::atomic<int32_t>* flag, const std::atomic<int32_t>* other) {
  return skep_wait4(-1, status, options | __WALL | __WNOTHREAD, nullptr, flag, other);
}

uint64_t now_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000000u + static_cast<uint64_t>(now.tv_nsec);
}

WakeTimer::~WakeTimer() {
  if (made_) timer_delete(static_cast<timer_t>(timer_));
}

void WakeTimer::fire_by(uint64_t deadline_ns) {
  if (armed_for_ != 0 && armed_for_ <= deadline_ns && fired.load(std::memory_order_relaxed) == 0) return;
  if (!made_) {
    sigevent event = {};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = kick_signal();
    event.sigev_value.sival_ptr = &fired;
    event.sigev_notify_thread_id = static_cast<pid_t>(syscall(SYS_gettid));
    timer_t made;
    if (timer_create(CLOCK_MONOTONIC, &event, &made) != 0) return;
    timer_ = made;
    made_ = true;
  }
  fired.store(0, std::memory_order_relaxed);
  armed_for_ = deadline_ns;
  itimerspec when = {};
  when.it_value.tv_sec = static_cast<time_t>(deadline_ns / 1000000000u);
  when.it_value.tv_nsec = static_cast<long>(deadline_ns % 1000000000u);
  if (deadline_ns == 0) when.it_value.tv_nsec = 1;
  timer_settime(static_cast<timer_t>(timer_), TIMER_ABSTIME, &when, nullptr);
}

bool WakeTimer::take() {
  if (fired.exchange(0, std::memory_order_relaxed) == 0) return false;
  armed_for_ = 0;
  return true;
}

}  // namespace skep
