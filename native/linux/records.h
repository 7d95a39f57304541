// Perf buffers and BPF ring buffers emptied by a thread of their own, so that a consumer which is busy loses nothing as long as there is
// memory: the kernel's rings are small, the batch that waits here may be large.
//
// Nothing is lost in silence. Beyond `kMost` waiting bytes the thread stops emptying, and the kernel counts what finds no room; its counts
// arrive as records of their own. https://man7.org/linux/man-pages/man2/perf_event_open.2.html (MMAP layout),
// https://docs.kernel.org/bpf/ringbuf.html
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace skep {

// Before each record of a batch; the record's bytes follow, padded to eight.
struct RecordHeader {
  int32_t cpu;     // -1: of a ring buffer
  uint32_t size;   // kLost: no bytes follow, `value` samples were lost
  uint64_t value;  // CLOCK_MONOTONIC nanoseconds where the ring tells times, else 0
};
constexpr uint32_t kLost = 0xffffffff;

class Records {
 public:
  // `ordered`: records of all CPUs leave by their times, which all rings must then tell (PERF_SAMPLE_TIME on CLOCK_MONOTONIC).
  explicit Records(bool ordered) : ordered_(ordered) {}
  ~Records();
  // The event must be a PERF_COUNT_SW_BPF_OUTPUT that is not enabled yet. `counts_lost`: it was opened with PERF_FORMAT_LOST. 0 or an errno.
  int add_perf(int cpu, int fd, size_t pages, bool counts_lost);
  // 0 or an errno.
  int add_ring(int map_fd, size_t size);
  // Starts the thread. 0 or an errno.
  int start();
  // Readable while something waits to be taken.
  int event_fd() const { return event_; }
  // All that is there now, empty when there is nothing.
  std::vector<uint8_t> take();

 private:
  struct Ring {
    int fd = -1;
    int cpu = -1;
    bool counts_lost = false;
    uint64_t told = 0, in_records = 0;  // samples lost: as reported so far; as the ring's own records said
    void* first = nullptr;
    size_t first_size = 0;
    void* second = nullptr;
    size_t second_size = 0;
    uint8_t* data = nullptr;
    uint64_t size = 0;
    std::atomic<uint64_t>* produced = nullptr;
    std::atomic<uint64_t>* consumed = nullptr;
  };
  void run();
  bool drain_all();
  bool drain_perf(Ring& ring);
  bool drain_ring(Ring& ring);
  void perf_record(Ring& ring, uint64_t at, uint32_t type, uint32_t size);
  void lost(Ring& ring, uint64_t count);
  void ask_lost();
  void append(int32_t cpu, uint64_t value, const uint8_t* data, size_t size);
  std::vector<uint8_t> oldest_first(uint64_t until);
  void signal();

  const bool ordered_;
  std::vector<std::unique_ptr<Ring>> rings_;
  int epoll_ = -1, event_ = -1, stop_ = -1;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable room_;
  bool stopping_ = false, signalled_ = false;
  std::vector<uint8_t> pending_;
};

}  // namespace skep
