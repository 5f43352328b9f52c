//! Numbers from the fuzzer's bytes; zeros when they are used up.
#![allow(dead_code)] // each target uses its own part

pub struct Input<'a>(pub &'a [u8]);

impl Input<'_> {
    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        let n = N.min(self.0.len());
        bytes[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        bytes
    }

    /// A number in `0..n`, with `n` at most 256.
    pub fn below(&mut self, n: i64) -> i64 {
        i64::from(self.bytes::<1>()[0]) % n
    }

    pub fn small(&mut self) -> i64 {
        i64::from(self.bytes::<1>()[0].cast_signed())
    }

    /// Small numbers mostly, and those at the edges of what fits.
    pub fn any(&mut self) -> i64 {
        match self.small() {
            -1 => i64::from_le_bytes(self.bytes()),
            -100 => i64::MAX,
            -101 => i64::MIN,
            -102 => i64::MAX - self.small().abs(),
            -103 => 1 << (self.small() & 63),
            -104 => (1_i64 << (self.small() & 63)).wrapping_sub(1),
            -105 => -(1 << (self.small() & 31)),
            small => small,
        }
    }
}
