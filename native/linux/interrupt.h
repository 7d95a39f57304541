// Signals for a program that blocks on its main thread, where no JavaScript handler can run: the first sets a flag and makes a descriptor
// readable that every blocking call waits for as well; the next, while nobody took notice of the first, does what it did before.
#pragma once
#include <atomic>
#include <cstdint>

namespace skep {

// From now on `signo` sets flag[0] to 1 and adds to the eventfd in flag[2] (0: none). All signals share one flag. 0 or an errno.
int interrupt_on(int signo, std::atomic<int32_t>* flag);
// Puts back what all of them did before.
void interrupt_off();

}  // namespace skep
