/**
 * The one source of randomness of the model kernel: seeded, so that the same input gives the same output. The generator is
 * sfc32 (Chris Doty-Humphrey, PractRand), which keeps four 32-bit words and needs no 64-bit arithmetic.
 */

export class SeededRandom {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed = 1) {
    this.#a = seed | 0;
    this.#b = Math.floor(seed / 4294967296) | 0;
    this.#c = 0x9e3779b9 | 0;
    // The first outputs of near seeds are alike: throw them away.
    for (let i = 0; i < 12; i++) this.next();
  }

  /** The next unsigned 32-bit number. */
  next(): number {
    const t = (this.#a + this.#b + this.#counter++) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t;
    return t >>> 0;
  }
}
