// Searches for the number with which a part of a puzzle hashes small enough (ivr/desk/people/puzzles.py): SHA-256 over the
// puzzle's seal, the part and the number, 44 characters, which are one block. A loop of our own: crypto.subtle is
// not there on a page without TLS, and a promise for each hash would cost more than the hash.

// The fractions of the primes' cube roots and of the first eight square roots, as FIPS 180-4 has them.
const primes = [];
for (let n = 2; primes.length < 64; n++) if (primes.every((p) => n % p)) primes.push(n);
const fraction = (root) => ((root % 1) * 0x100000000) | 0;
const K = Int32Array.from(primes, (p) => fraction(Math.cbrt(p)));
const [H0, H1, H2, H3, H4, H5, H6, H7] = primes.slice(0, 8).map((p) => fraction(Math.sqrt(p)));

const digit = (value) => "0123456789abcdef".charCodeAt(value & 15);
const HEX = Int32Array.from({ length: 0x10000 }, (_, n) => (digit(n >> 12) << 24) | (digit(n >> 8) << 16) | (digit(n >> 4) << 8) | digit(n));

const w = new Int32Array(64);

function isBelow(below) {
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15], y = w[i - 2];
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
  }
  let a = H0, b = H1, c = H2, d = H3, e = H4, f = H5, g = H6, h = H7;
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
  }
  return ((a + H0) >>> 0) * 0x10000 + (((b + H1) >>> 0) >>> 16) < below;
}

onmessage = ({ data: { seal, part, below } }) => {
  w.fill(0);
  for (let i = 0; i < 32; i++) w[i >> 2] |= seal.charCodeAt(i) << (24 - 8 * (i & 3));
  w[8] = HEX[part];
  w[11] = 0x80000000; // the end of the message, then its length in bits
  w[15] = 44 * 8;
  for (let n = 0; n < 0x100000000; n++) {
    w[9] = HEX[n >>> 16];
    w[10] = HEX[n & 0xffff];
    if (isBelow(below)) return postMessage({ part, number: n.toString(16).padStart(8, "0") });
  }
};
