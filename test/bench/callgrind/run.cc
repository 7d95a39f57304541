// The C++ engine without Node: loads one program and runs it as often as asked, for callgrind to count. Linked with the objects that the
// addon is made of. run PROGRAM_FILE MEMORY_BYTES RUNS
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include "engine/machine.h"

using namespace skep::layout;

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  std::ifstream file(argv[1], std::ios::binary);
  const std::vector<char> program{std::istreambuf_iterator<char>(file), {}};
  const auto size = static_cast<uint32_t>(strtoul(argv[2], nullptr, 10));
  const long runs = strtol(argv[3], nullptr, 10);

  constexpr uint32_t kState = kFirstMapped, kStack = 2 * kFirstMapped, kCtx = 3 * kFirstMapped;
  std::vector<uint8_t> memory(kCtx + size + kFirstMapped);
  const auto put = [&](uint32_t at, auto value) { memcpy(&memory[kState + at], &value, sizeof value); };
  skep::engine::Machine machine(memory.data(), memory.size(), kState);
  const int32_t id = machine.load(reinterpret_cast<const uint8_t*>(program.data()), program.size(), {}, false);
  if (id < 0) return 3;
  put(bell::k_level, kOutermost);
  put(bell::k_program, static_cast<uint32_t>(id));
  put(bell::k_ctx, size > 0 ? kCtx : 0u);
  put(bell::k_r2, size);
  put(bell::k_fuel, int64_t{1} << 40);
  put(bell::k_stack, kStack);
  for (long i = 0; i < runs; i++) machine.ring();

  uint32_t status;
  uint64_t r0;
  memcpy(&status, &memory[kState + kHeaderBytes + block::k_status], sizeof status);
  memcpy(&r0, &memory[kState + kHeaderBytes + block::k_regs], sizeof r0);
  printf("status %u r0 %llu\n", status, static_cast<unsigned long long>(r0));
  return status == 0 ? 0 : 4;
}
