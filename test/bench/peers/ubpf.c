// ubpf (github.com/iovisor/ubpf) as a peer of `npm run bench -- --peer ubpf=./ubpf-peer`: its interpreter behind the batch protocol of skep-vm,
// as far as the benchmarks use it. One map, which is the hash map of four-byte keys and eight-byte values that they have, all keys present.
// With an argument, its JIT. In a checkout of ubpf, whose CMake has written ubpf_config.h to build/vm:
//   gcc -O3 -DNDEBUG -Ivm -Ivm/inc -Ibuild/vm .../ubpf.c vm/ubpf_*.c -lm -lpthread -o ubpf-peer
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ubpf.h>

enum { KEYS = 1024, LIMIT = 1 << 20 };

static struct {
  uint32_t buckets[KEYS];
  struct {
    uint32_t key, next;
    uint64_t value;
  } nodes[KEYS + 1];
} map;

static uint32_t bucket_of(uint32_t key) {
  key = (key ^ (key >> 16)) * 0x85ebca6bu;
  key = (key ^ (key >> 13)) * 0xc2b2ae35u;
  return (key ^ (key >> 16)) % KEYS;
}

static void fill_map(void) {
  memset(&map, 0, sizeof map);
  for (uint32_t key = 0; key < KEYS; key++) {
    uint32_t* bucket = &map.buckets[bucket_of(key)];
    map.nodes[key + 1].key = key;
    map.nodes[key + 1].next = *bucket;
    *bucket = key + 1;
  }
}

static uint64_t map_lookup_elem(uint64_t which, uint64_t key_at, uint64_t c, uint64_t d, uint64_t e) {
  (void)which, (void)c, (void)d, (void)e;
  uint32_t key;
  memcpy(&key, (const void*)(uintptr_t)key_at, sizeof key);
  for (uint32_t n = map.buckets[bucket_of(key)]; n != 0; n = map.nodes[n].next)
    if (map.nodes[n].key == key) return (uintptr_t)&map.nodes[n].value;
  return 0;
}

static bool in_map(void* context, uint64_t at, uint64_t size) {
  (void)context;
  return at >= (uintptr_t)&map && at + size <= (uintptr_t)(&map + 1);
}

// Bytes of the hex string that is the value of `"name":"` in a line; their number, 0 where there is none.
static uint32_t field(const char* line, const char* name, uint8_t* out) {
  const char* at = strstr(line, name);
  if (!at) return 0;
  uint32_t size = 0;
  for (at += strlen(name); size < LIMIT && at[0] != '"' && at[0] && at[1]; at += 2) {
    const char digits[] = {at[0], at[1], 0};
    out[size++] = (uint8_t)strtoul(digits, NULL, 16);
  }
  return size;
}

// `ld_imm64` of map 0 becomes its address.
static void place_map(uint8_t* code, uint32_t size) {
  const uint64_t address = (uintptr_t)&map;
  for (uint32_t at = 0; at + 16 <= size; at += 8) {
    if (code[at] != 0x18) continue;
    if (code[at + 1] >> 4 == 1) {
      code[at + 1] &= 15;
      memcpy(code + at + 4, &address, 4);
      memcpy(code + at + 12, (const uint8_t*)&address + 4, 4);
    }
    at += 8;
  }
}

static const char* answer(uint8_t* code, uint32_t code_size, uint8_t* memory, uint32_t memory_size, bool jit, uint64_t* r0) {
  char* error = NULL;
  struct ubpf_vm* vm = ubpf_create();
  ubpf_register(vm, 1, "map_lookup_elem", map_lookup_elem);
  ubpf_register_data_bounds_check(vm, NULL, in_map);
  void* const start = memory_size > 0 ? memory : NULL;
  if (ubpf_load(vm, code, code_size, &error) == 0) {
    ubpf_jit_fn compiled = jit ? ubpf_compile(vm, &error) : NULL;
    if (compiled) *r0 = compiled(start, memory_size);
    else if (!jit && ubpf_exec(vm, start, memory_size, r0) != 0) error = strdup("the program failed");
  }
  ubpf_destroy(vm);
  return error;
}

int main(int argc, char** argv) {
  (void)argv;
  static uint8_t code[LIMIT], memory[LIMIT];
  char* line = NULL;
  size_t room = 0;
  while (getline(&line, &room, stdin) > 0) {
    const uint32_t code_size = field(line, "\"code\":\"", code);
    const uint32_t memory_size = field(line, "\"mem\":\"", memory);
    place_map(code, code_size);
    fill_map();
    uint64_t r0 = 0;
    const char* error = answer(code, code_size, memory, memory_size, argc > 1, &r0);
    if (error) printf("{\"error\":\"%s\"}\n", error);
    else printf("{\"r0\":\"0x%llx\"}\n", (unsigned long long)r0);
    fflush(stdout);
  }
  return 0;
}
