#include "interrupt.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

namespace skep {
namespace {

constexpr int kSignals = 65;
std::atomic<std::atomic<int32_t>*> shared_flag{nullptr};
struct sigaction before[kSignals];
bool caught[kSignals];

void on_signal(int signo) {
  const int saved = errno;
  std::atomic<int32_t>* flag = shared_flag.load();
  if (flag == nullptr || flag[0].exchange(1) != 0) {
    sigaction(signo, &before[signo], nullptr);
    raise(signo);
  } else if (const int fd = flag[2].load(); fd > 0) {
    const uint64_t one = 1;
    [[maybe_unused]] ssize_t n = write(fd, &one, sizeof one);
  }
  errno = saved;
}

}  // namespace

int interrupt_on(int signo, std::atomic<int32_t>* flag) {
  if (signo <= 0 || signo >= kSignals) return EINVAL;
  if (caught[signo] || (shared_flag != nullptr && shared_flag != flag)) return EBUSY;
  struct sigaction action = {};
  action.sa_handler = on_signal;  // no SA_RESTART: whoever sleeps must look at the flag
  sigemptyset(&action.sa_mask);
  shared_flag = flag;
  if (sigaction(signo, &action, &before[signo]) != 0) return errno;
  caught[signo] = true;
  return 0;
}

void interrupt_off() {
  for (int signo = 1; signo < kSignals; signo++) {
    if (!caught[signo]) continue;
    caught[signo] = false;
    struct sigaction now;
    // Somebody may have put another handler in our place.
    if (sigaction(signo, nullptr, &now) == 0 && now.sa_handler == on_signal) sigaction(signo, &before[signo], nullptr);
  }
  shared_flag = nullptr;
}

}  // namespace skep
