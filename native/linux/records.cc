#include "records.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace skep {
namespace {

// Bytes that may wait for JavaScript.
constexpr size_t kMost = 32 << 20;
// A drain that found so much is followed by a nap: under load one wake-up should serve many records.
constexpr size_t kBusy = 4096;
constexpr long kNapNs = 300'000;

constexpr size_t padded(size_t size) { return (size + 7) & ~size_t{7}; }

uint64_t monotonic_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

Records::~Records() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  room_.notify_all();
  if (thread_.joinable()) {
    const uint64_t one = 1;
    [[maybe_unused]] ssize_t n = write(stop_, &one, sizeof one);
    thread_.join();
  }
  for (const auto& ring : rings_) {
    if (ring->first) munmap(ring->first, ring->first_size);
    if (ring->second) munmap(ring->second, ring->second_size);
  }
  for (int fd : {epoll_, event_, stop_})
    if (fd >= 0) close(fd);
}

int Records::add_perf(int cpu, int fd, size_t pages, bool counts_lost) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  auto ring = std::make_unique<Ring>();
  ring->first_size = (pages + 1) * page;
  void* at = mmap(nullptr, ring->first_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) return errno;
  auto* control = static_cast<perf_event_mmap_page*>(at);
  ring->fd = fd;
  ring->cpu = cpu;
  ring->counts_lost = counts_lost;
  ring->first = at;
  ring->data = static_cast<uint8_t*>(at) + page;
  ring->size = pages * page;
  ring->produced = reinterpret_cast<std::atomic<uint64_t>*>(&control->data_head);
  ring->consumed = reinterpret_cast<std::atomic<uint64_t>*>(&control->data_tail);
  rings_.push_back(std::move(ring));
  return 0;
}

int Records::add_ring(int map_fd, size_t size) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  auto ring = std::make_unique<Ring>();
  ring->first_size = page;
  void* consumer = mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
  if (consumer == MAP_FAILED) return errno;
  // The data lies there twice, one behind the other, so that no record is ever cut.
  ring->second_size = page + 2 * size;
  void* producer = mmap(nullptr, ring->second_size, PROT_READ, MAP_SHARED, map_fd, static_cast<off_t>(page));
  if (producer == MAP_FAILED) {
    const int error = errno;
    munmap(consumer, page);
    return error;
  }
  ring->fd = map_fd;
  ring->first = consumer;
  ring->second = producer;
  ring->data = static_cast<uint8_t*>(producer) + page;
  ring->size = size;
  ring->consumed = static_cast<std::atomic<uint64_t>*>(consumer);
  ring->produced = static_cast<std::atomic<uint64_t>*>(producer);
  rings_.push_back(std::move(ring));
  return 0;
}

int Records::start() {
  event_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  stop_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (event_ < 0 || stop_ < 0 || epoll_ < 0) return errno;
  auto watch = [&](int fd) {
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.fd = fd;
    return epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : errno;
  };
  if (int error = watch(stop_)) return error;
  for (const auto& ring : rings_)
    if (int error = watch(ring->fd)) return error;
  // No signal of the process is for this thread.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return 0;
}

void Records::run() {
  epoll_event events[8];
  for (;;) {
    const int found = epoll_wait(epoll_, events, 8, -1);
    if (found < 0 && errno != EINTR) return;
    size_t came;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      if (stopping_) return;
      const size_t before = pending_.size();
      drain_all();
      came = pending_.size() - before;
      if (!pending_.empty()) signal();
      while (pending_.size() >= kMost && !stopping_) {
        room_.wait(lock);
        drain_all();
        if (!pending_.empty()) signal();
      }
      if (stopping_) return;
    }
    if (came >= kBusy) {
      const timespec nap = {0, kNapNs};
      nanosleep(&nap, nullptr);
    }
  }
}

void Records::signal() {
  if (signalled_) return;
  signalled_ = true;
  const uint64_t one = 1;
  [[maybe_unused]] ssize_t n = write(event_, &one, sizeof one);
}

bool Records::drain_all() {
  bool any = false;
  for (const auto& ring : rings_) any |= ring->cpu >= 0 ? drain_perf(*ring) : drain_ring(*ring);
  return any;
}

void Records::append(int32_t cpu, uint64_t value, const uint8_t* data, size_t size) {
  const size_t at = pending_.size();
  const bool is_lost = data == nullptr;
  const size_t grown = at + sizeof(RecordHeader) + (is_lost ? 0 : padded(size));
  if (grown > pending_.capacity()) pending_.reserve(std::max(grown, pending_.capacity() * 2));
  pending_.resize(grown);
  const RecordHeader header = {cpu, is_lost ? kLost : static_cast<uint32_t>(size), value};
  memcpy(pending_.data() + at, &header, sizeof header);
  if (!is_lost) memcpy(pending_.data() + at + sizeof header, data, size);
}

void Records::lost(Ring& ring, uint64_t total) {
  if (total <= ring.told) return;
  append(ring.cpu, total - ring.told, nullptr, 0);
  ring.told = total;
}

bool Records::drain_perf(Ring& ring) {
  const uint64_t head = ring.produced->load(std::memory_order_acquire);
  uint64_t tail = ring.consumed->load(std::memory_order_relaxed);
  if (head == tail) return false;
  // By their times only what is all there can be sorted: then a drain takes each ring to its end, and kMost is asked between drains.
  const size_t most = ordered_ ? SIZE_MAX : kMost;
  while (tail < head && pending_.size() < most) {
    perf_event_header header;
    // Records are 8-aligned, so a header never wraps.
    memcpy(&header, ring.data + (tail & (ring.size - 1)), sizeof header);
    if (header.size < sizeof header) {
      tail = head;  // cannot be: rather lose what is there than read for ever
      break;
    }
    perf_record(ring, tail, header.type, header.size);
    tail += header.size;
  }
  ring.consumed->store(tail, std::memory_order_release);
  return true;
}

void Records::perf_record(Ring& ring, uint64_t at, uint32_t type, uint32_t size) {
  uint8_t whole[1 << 16];
  const uint64_t start = at & (ring.size - 1);
  const uint8_t* record = ring.data + start;
  if (start + size > ring.size) {
    const size_t head = ring.size - start;
    memcpy(whole, record, head);
    memcpy(whole + head, ring.data, size - head);
    record = whole;
  }
  if (type == PERF_RECORD_SAMPLE) {
    size_t offset = sizeof(perf_event_header);
    uint64_t time = 0;
    if (ordered_) {
      memcpy(&time, record + offset, sizeof time);
      offset += sizeof time;
    }
    uint32_t raw;
    memcpy(&raw, record + offset, sizeof raw);
    offset += sizeof raw;
    if (offset + raw <= size) append(ring.cpu, time, record + offset, raw);
  } else if (type == PERF_RECORD_LOST) {
    uint64_t count;
    memcpy(&count, record + sizeof(perf_event_header) + 8, sizeof count);
    ring.in_records += count;
    lost(ring, ring.in_records);
  }
}

bool Records::drain_ring(Ring& ring) {
  uint64_t consumed = ring.consumed->load(std::memory_order_relaxed);
  bool any = false;
  for (;;) {
    const uint64_t produced = ring.produced->load(std::memory_order_acquire);
    bool got = false;
    while (consumed < produced && pending_.size() < kMost) {
      const uint8_t* at = ring.data + (consumed & (ring.size - 1));
      const uint32_t length = reinterpret_cast<const std::atomic<uint32_t>*>(at)->load(std::memory_order_acquire);
      if (length & BPF_RINGBUF_BUSY_BIT) return any;
      const uint32_t bytes = length & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
      if (!(length & BPF_RINGBUF_DISCARD_BIT)) append(-1, 0, at + BPF_RINGBUF_HDR_SZ, bytes);
      consumed += padded(bytes + BPF_RINGBUF_HDR_SZ);
      // After each: the kernel wakes us only when it sees that we have caught up. Sequentially consistent against its check.
      ring.consumed->store(consumed, std::memory_order_seq_cst);
      got = any = true;
    }
    if (!got) return any;
  }
}

// What was lost behind the last sample that found room stands in no record: the counter of the event tells (Linux 6.0 and later).
void Records::ask_lost() {
  for (const auto& ring : rings_) {
    if (!ring->counts_lost) continue;
    uint64_t counts[2];
    if (read(ring->fd, counts, sizeof counts) == static_cast<ssize_t>(sizeof counts)) lost(*ring, counts[1]);
  }
}

std::vector<uint8_t> Records::oldest_first(uint64_t until) {
  struct Entry {
    uint64_t time;
    size_t at, size;
  };
  std::vector<Entry> entries;
  for (size_t at = 0; at < pending_.size();) {
    RecordHeader header;
    memcpy(&header, pending_.data() + at, sizeof header);
    const bool is_lost = header.size == kLost;
    const size_t size = sizeof header + (is_lost ? 0 : padded(header.size));
    entries.push_back({is_lost ? 0 : header.value, at, size});
    at += size;
  }
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.time < b.time; });
  std::vector<uint8_t> out, rest;
  out.reserve(pending_.size());
  for (const Entry& entry : entries) {
    const uint8_t* from = pending_.data() + entry.at;
    auto& to = entry.time <= until ? out : rest;
    to.insert(to.end(), from, from + entry.size);
  }
  pending_ = std::move(rest);
  return out;
}

std::vector<uint8_t> Records::take() {
  std::lock_guard<std::mutex> lock(mutex_);
  // A CPU that was looked at first may by now have a record older than one of a CPU looked at last: newer ones wait for the next time.
  const uint64_t until = ordered_ ? monotonic_ns() : 0;
  if (!drain_all() && pending_.empty()) ask_lost();
  if (signalled_) {
    uint64_t count;
    [[maybe_unused]] ssize_t n = read(event_, &count, sizeof count);
    signalled_ = false;
  }
  std::vector<uint8_t> out;
  if (ordered_) {
    out = oldest_first(until);
    if (!pending_.empty()) signal();
  } else {
    out.swap(pending_);
  }
  room_.notify_all();
  return out;
}

}  // namespace skep
