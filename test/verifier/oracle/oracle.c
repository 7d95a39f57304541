/*
 * The real kernel as the verifier's oracle. Reads one program a line, loads it with bpf(2), prints the verdict:
 *
 *   in:   ID TYPE ATTACH_TYPE ATTACH_BTF_ID FLAGS LICENSE HEXCODE NMAPS {TYPE:KEY:VALUE:ENTRIES:FLAGS[:KEYTYPE:VALUETYPE]}
 *         [BTF_FILE NFUNCS {INSN:TYPE_ID}]
 *   out:  ID <tab> ok|ERRNO <tab> last line of the verifier's log before its statistics; nothing where the walk was long
 *
 * ld_imm64 with src 1 or 2 has the index of a map of the line in imm. With the argument `-l` whole logs go to stderr; with `-u` it asks as
 * a user without any privilege (uid 65534).
 * Numbers are the kernel's (include/uapi/linux/bpf.h). Built by the tests with the system's compiler.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LOG_SIZE (32 << 20)
#define MAX_MAPS 16
#define CACHE 256

/* Seconds. */
#define LONG_WALK 0.5

static char *log_buffer;

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

struct map_key {
  uint32_t type, key, value, entries, flags, key_type, value_type;
  int btf;
};
static struct {
  struct map_key key;
  int fd;
} cache[CACHE];
static int cached;

static long bpf(int command, union bpf_attr *attr) {
  return syscall(__NR_bpf, command, attr, sizeof *attr);
}

static int create(const struct map_key *k) {
  union bpf_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.map_type = k->type;
  attr.key_size = k->key;
  attr.value_size = k->value;
  attr.max_entries = k->entries;
  attr.map_flags = k->flags;
  strcpy(attr.map_name, "m");
  /* The address at which user space would map it: programs may use an arena only when that is known. */
  if (k->type == 33 /* ARENA */) attr.map_extra = 1ull << 44;
  if (k->value_type != 0 && k->btf > 0) {
    attr.btf_fd = k->btf;
    attr.btf_key_type_id = k->key_type;
    attr.btf_value_type_id = k->value_type;
  }
  if (k->type == BPF_MAP_TYPE_ARRAY_OF_MAPS || k->type == BPF_MAP_TYPE_HASH_OF_MAPS) {
    struct map_key inner = {.type = BPF_MAP_TYPE_ARRAY, .key = 4, .value = 8, .entries = 1};
    attr.inner_map_fd = create(&inner);
  }
  return (int)bpf(BPF_MAP_CREATE, &attr);
}

static int map_fd(const struct map_key *k) {
  for (int i = 0; i < cached; i++)
    if (memcmp(&cache[i].key, k, sizeof *k) == 0) return cache[i].fd;
  int fd = create(k);
  /* A program array belongs to the first type of program that uses it. */
  if (fd >= 0 && cached < CACHE && k->type != BPF_MAP_TYPE_PROG_ARRAY) {
    cache[cached].key = *k;
    cache[cached++].fd = fd;
  }
  return fd;
}

/* BTF of an object, loaded once a file. */
static int btf_fd(const char *path) {
  static char last[512];
  static int fd = -1;
  if (strcmp(path, last) == 0) return fd;
  snprintf(last, sizeof last, "%s", path);
  if (fd >= 0) close(fd);
  fd = -1;
  FILE *f = fopen(path, "rb");
  if (!f) return -1;
  static char data[4 << 20];
  size_t size = fread(data, 1, sizeof data, f);
  fclose(f);
  union bpf_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.btf = (uintptr_t)data;
  attr.btf_size = size;
  fd = (int)bpf(BPF_BTF_LOAD, &attr);
  return fd;
}

static int nibble(int c) {
  return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

/* The last line that says something: statistics lines do not. */
static void print_last_line(const char *log) {
  const char *best = "";
  size_t length = 0;
  for (const char *p = log; *p;) {
    const char *end = strchr(p, '\n');
    size_t n = end ? (size_t)(end - p) : strlen(p);
    if (n > 0 && strncmp(p, "processed ", 10) != 0 && strncmp(p, "verification time", 17) != 0 &&
        strncmp(p, "stack depth", 11) != 0) {
      best = p;
      length = n;
    }
    p += n + (end ? 1 : 0);
  }
  fwrite(best, 1, length, stdout);
}

int main(int argc, char **argv) {
  int verbose = argc > 1 && strcmp(argv[1], "-l") == 0;
  if (argc > 1 && strcmp(argv[1], "-u") == 0 && (setgid(65534) || setuid(65534))) return 1;
  char *line = NULL;
  size_t capacity = 0;
  log_buffer = malloc(LOG_SIZE);
  if (!log_buffer) return 1;
  while (getline(&line, &capacity, stdin) > 0) {
    char *save;
    char *id = strtok_r(line, " \n", &save);
    char *type = strtok_r(NULL, " \n", &save);
    char *attach = strtok_r(NULL, " \n", &save);
    char *btf_id = strtok_r(NULL, " \n", &save);
    char *flags = strtok_r(NULL, " \n", &save);
    char *license = strtok_r(NULL, " \n", &save);
    char *code = strtok_r(NULL, " \n", &save);
    char *nmaps = strtok_r(NULL, " \n", &save);
    if (!id || !nmaps) continue;
    int fds[MAX_MAPS];
    char *texts[MAX_MAPS];
    int count = atoi(nmaps);
    int bad = count > MAX_MAPS;
    for (int i = 0; i < count && !bad; i++) texts[i] = strtok_r(NULL, " \n", &save);
    char *btf_file = strtok_r(NULL, " \n", &save);
    char *nfuncs = strtok_r(NULL, " \n", &save);
    int btf = btf_file ? btf_fd(btf_file) : -1;
    if (btf_file && btf < 0) bad = 1;
    struct bpf_func_info funcs[256];
    int func_count = nfuncs ? atoi(nfuncs) : 0;
    for (int i = 0; i < func_count && i < 256; i++) {
      char *text = strtok_r(NULL, " \n", &save);
      if (!text || sscanf(text, "%u:%u", &funcs[i].insn_off, &funcs[i].type_id) != 2) bad = 1;
    }
    for (int i = 0; i < count && !bad; i++) {
      struct map_key k;
      memset(&k, 0, sizeof k);
      if (!texts[i] || sscanf(texts[i], "%u:%u:%u:%u:%u:%u:%u", &k.type, &k.key, &k.value, &k.entries, &k.flags,
                              &k.key_type, &k.value_type) < 5)
        bad = 1;
      k.btf = k.value_type ? btf : 0;
      fds[i] = bad ? -1 : map_fd(&k);
      if (fds[i] < 0) bad = 1;
    }
    if (bad) {
      printf("%s\tMAP\tcannot create a map: %s\n", id, strerror(errno));
      fflush(stdout);
      continue;
    }
    size_t size = strlen(code) / 2;
    struct bpf_insn *insns = malloc(size + 8);
    for (size_t i = 0; i < size; i++) ((uint8_t *)insns)[i] = nibble(code[2 * i]) << 4 | nibble(code[2 * i + 1]);
    size_t n = size / 8;
    for (size_t i = 0; i < n; i++)
      if (insns[i].code == 0x18) {
        if (insns[i].src_reg == 1 || insns[i].src_reg == 2) {
          int index = insns[i].imm;
          insns[i].imm = index >= 0 && index < count ? fds[index] : 9999;
        }
        i++;
      }
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.prog_type = strtoul(type, NULL, 0);
    attr.expected_attach_type = strtoul(attach, NULL, 0);
    attr.attach_btf_id = strtoul(btf_id, NULL, 0);
    attr.prog_flags = strtoul(flags, NULL, 0);
    attr.insns = (uintptr_t)insns;
    attr.insn_cnt = n;
    attr.license = (uintptr_t)license;
    if (btf >= 0) {
      attr.prog_btf_fd = btf;
      attr.func_info = (uintptr_t)funcs;
      attr.func_info_rec_size = sizeof funcs[0];
      attr.func_info_cnt = func_count;
    }
    double begun = seconds();
    int fd = verbose ? -1 : (int)bpf(BPF_PROG_LOAD, &attr);
    if (fd >= 0) {
      printf("%s\tok\t\n", id);
      close(fd);
    } else {
      int error = errno;
      /* Asking again for the log of a program with a long walk takes very long, and of one that is too large says nothing more. */
      if (!verbose && (error == E2BIG || seconds() - begun > LONG_WALK)) {
        printf("%s\t%s\t\n", id, strerrorname_np(error));
        free(insns);
        fflush(stdout);
        continue;
      }
      attr.log_level = verbose ? 2 : 1;
      attr.log_buf = (uintptr_t)log_buffer;
      attr.log_size = LOG_SIZE;
      log_buffer[0] = 0;
      fd = (int)bpf(BPF_PROG_LOAD, &attr);
      if (fd < 0) error = errno;
      if (verbose) fputs(log_buffer, stderr);
      printf("%s\t%s\t", id, fd >= 0 ? "ok" : strerrorname_np(error));
      if (fd < 0) print_last_line(log_buffer);
      printf("\n");
      if (fd >= 0) close(fd);
    }
    free(insns);
    for (int i = 0; i < count; i++) {
      int kept = 0;
      for (int j = 0; j < cached; j++) kept |= cache[j].fd == fds[i];
      if (!kept) close(fds[i]);
    }
    fflush(stdout);
  }
  return 0;
}
