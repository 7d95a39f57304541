/* GNU C that kernel headers and older programs lean on. */
#define CHECK(x) do { if (!(x)) return __LINE__; } while (0)

typedef union { int lock; char bytes[4]; } mutex;
struct guarded { int count; mutex m; struct { short a, b; } pair[2]; };

/* Braces left out after a designator: the first member of what is named takes the value. */
static int elided(void)
{
    struct guarded g = { .m = 7, .pair[1] = 3, 4, .count = 1 };
    struct guarded h[3] = { [1] = 5, 6, [2].m = 8 };
    CHECK(g.m.lock == 7 && g.pair[1].a == 3 && g.pair[1].b == 4 && g.pair[0].a == 0 && g.count == 1);
    CHECK(h[1].count == 5 && h[1].m.lock == 6 && h[2].m.lock == 8 && h[0].count == 0);
    return 0;
}

/* An input in an output's register, as RELOC_HIDE has it. */
static int registers(void)
{
    int a = 5, b = 0, c = 9;
    int *p;
    unsigned long n;
    asm("" : "=r"(p) : "0"(&a));
    CHECK(*p == 5 && p == &a);
    asm("" : "=r"(n), [other] "=r"(b) : "0"(3L), "[other]"(c));
    CHECK(n == 3 && b == 9);
    asm volatile("" : "+m"(c));
    CHECK(c == 9);
    return 0;
}

/* The hint is an operand like any other. */
static int hints(int z)
{
    int seen = 0;
    CHECK(__builtin_expect(z > 0, seen++) == 1);
    CHECK(seen == 1);
    return 0;
}

#define LEVEL 2
#pragma push_macro("LEVEL")
#undef LEVEL
#define LEVEL 1
_Static_assert(LEVEL == 1, "the new meaning");
#pragma pop_macro("LEVEL")
_Static_assert(LEVEL == 2, "the old meaning");

/* Kernel headers have macros of these names; a program's own functions win. */
static int named asm("na" "me") = 4;
static long long min(void) { return -3; }
enum family { AF_INET = 20, AF_INET6, };
static const int IPPROTO_TCP = 60;
int AF_INET_of(int AF_UNIX) { return AF_UNIX; }
static inline int *swap(int *at) { return at + 1; }

_Static_assert(__UINT_FAST32_MAX__ == 0xffffffff && sizeof(__WCHAR_TYPE__) == 4 && __INT_LEAST8_WIDTH__ == 8, "stdint");

/* Not for registers: inlined where it is called. */
struct pair { long a, b, c; };
struct pair turn(struct pair p) { return (struct pair){ p.c, p.a, p.b }; }
int six(int a, int b, int c, int d, int e, int f) { return a - b + c - d + e - f; }
/* A program that answers with an address. */
unsigned char *self(unsigned char *mem) { return mem; }

unsigned long long entry(unsigned char *mem, unsigned long long len)
{
    int line, two[2] = { 1, 2 };
    struct pair p = turn((struct pair){ 1, 2, 3 });
    if ((line = elided()) || (line = registers()) || (line = hints(len))) return line;
    CHECK(AF_INET == 20 && AF_INET6 == 21 && IPPROTO_TCP == 60 && AF_INET_of(9) == 9 && named == 4);
    CHECK((__extension__ __extension__ (len ? 5 : 2)) == 5 && __extension__ ({ 3; }) == 3);
    CHECK(min() == -3 && *swap(two) == 2);
    CHECK(p.a == 3 && p.b == 1 && p.c == 2);
    CHECK(six(6, 1, 5, 2, 4, 3) == 9);
    CHECK(self(mem) == mem);
    return 0;
}
