#include "filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_SPEC_ALLOW
#define SECCOMP_FILTER_FLAG_SPEC_ALLOW (1UL << 2)
#endif

namespace skep {
namespace {

constexpr uint32_t kX32Bit = 0x40000000;  // __X32_SYSCALL_BIT
constexpr uint32_t kLoadWord = BPF_LD | BPF_W | BPF_ABS;

sock_filter statement(uint32_t code, uint32_t k) { return {static_cast<uint16_t>(code), 0, 0, k}; }
sock_filter jump(uint32_t test, uint32_t k, uint8_t yes, uint8_t no) {
  return {static_cast<uint16_t>(BPF_JMP | test | BPF_K), yes, no, k};
}

}  // namespace

void add_own_interest(InterestTable& table) {
  // The cached name and ids of a task change by these.
  for (int nr : {SYS_prctl, SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid, SYS_setresgid})
    table[nr] |= kOurs;
  // A task that asks for its CPUs must not see the pinning (affinity.h).
  for (int nr : {SYS_sched_getaffinity, SYS_sched_setaffinity}) table[nr] |= kOurs;
  // A call that a stop and continue broke off goes on under this number, and what it returns is the call's.
  table[SYS_restart_syscall] |= kOurs;
}

std::vector<sock_filter> build_filter(const InterestTable& table) {
  const sock_filter trace = statement(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
  const sock_filter allow = statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  std::vector<sock_filter> out;
  bool any = false;
  for (uint8_t interest : table) any = any || (interest & (kEnter | kExit)) != 0;
  if (!any) return out;
  // Calls of other architectures (i386 by int 0x80, x32) have other numbers: let them pass.
  out.push_back(statement(kLoadWord, offsetof(seccomp_data, arch)));
  out.push_back(jump(BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0));
  out.push_back(allow);
  out.push_back(statement(kLoadWord, offsetof(seccomp_data, nr)));
  out.push_back(jump(BPF_JGE, kX32Bit, 0, 1));
  out.push_back(allow);
  for (int nr = 0; nr < kMaxSyscalls; nr++) {
    if (!table[nr]) continue;
    if (nr == SYS_prctl && !(table[nr] & kEnter)) {
      // Only PR_SET_NAME changes what is cached.
      out.push_back(jump(BPF_JEQ, SYS_prctl, 0, 4));
      out.push_back(statement(kLoadWord, offsetof(seccomp_data, args)));
      out.push_back(jump(BPF_JEQ, PR_SET_NAME, 0, 1));
      out.push_back(trace);
      out.push_back(allow);
      continue;
    }
    out.push_back(jump(BPF_JEQ, static_cast<uint32_t>(nr), 0, 1));
    out.push_back(trace);
  }
  out.push_back(allow);
  return out;
}

int install_filter(const sock_filter* filter, unsigned short length) {
  sock_fprog prog = {length, const_cast<sock_filter*>(filter)};
  // SPEC_ALLOW: kernels before 5.16 otherwise slow the command down by switching its speculation off. Kernels before 4.17 do not know it.
  unsigned long flags = SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  for (int attempt = 0; attempt < 4; attempt++) {
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog) == 0) return 0;
    if (errno == EACCES && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) continue;
    if (errno == EINVAL && flags != 0) {
      flags = 0;
      continue;
    }
    break;
  }
  return errno ? errno : EINVAL;
}

}  // namespace skep
