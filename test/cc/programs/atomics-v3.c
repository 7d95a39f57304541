/* __sync_* and __atomic_*: GCC's manual, sections 6.53 and 6.55. Fetching forms need -mcpu=v3. */
#define CHECK(x) do { if (!(x)) return __LINE__; } while (0)

unsigned long long entry(unsigned char *mem, unsigned long long len) {
  unsigned long long cell = 5;
  CHECK(__sync_fetch_and_add(&cell, 3) == 5 && cell == 8);
  CHECK(__sync_add_and_fetch(&cell, 2) == 10);
  CHECK(__sync_fetch_and_sub(&cell, 4) == 10 && cell == 6);
  __sync_fetch_and_add(&cell, 1);
  CHECK(cell == 7);
  unsigned int word = 0xf0;
  CHECK(__sync_fetch_and_or(&word, 0x0f) == 0xf0 && word == 0xff);
  CHECK(__sync_and_and_fetch(&word, 0x3c) == 0x3c);
  CHECK(__sync_fetch_and_xor(&word, 0xff) == 0x3c && word == 0xc3);
  CHECK(__sync_lock_test_and_set(&word, 7) == 0xc3 && word == 7);
  CHECK(__sync_val_compare_and_swap(&word, 7, 9) == 7 && word == 9);
  CHECK(!__sync_bool_compare_and_swap(&word, 7, 1) && word == 9);
  CHECK(__sync_bool_compare_and_swap(&word, 9, 1) && word == 1);
  unsigned int expected = 5;
  CHECK(!__atomic_compare_exchange_n(&word, &expected, 6, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) && expected == 1);
  CHECK(__atomic_compare_exchange_n(&word, &expected, 6, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) && word == 6);
  CHECK(__atomic_load_n(&word, __ATOMIC_RELAXED) == 6);
  __atomic_store_n(&word, 8, __ATOMIC_RELAXED);
  CHECK(__atomic_exchange_n(&word, 10, __ATOMIC_ACQ_REL) == 8);
  CHECK(__atomic_add_fetch(&word, 5, __ATOMIC_RELAXED) == 15);
  __sync_synchronize();
  return 0;
}
